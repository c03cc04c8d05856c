// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

// A client of an event stream, written with one of three packages of npm:
//
//	node client.js PACKAGE URL [OPTIONS]
//
// OPTIONS are JSON: names (of events beside "message"), end (the event that
// the client closes at), method, headers, body.  Each thing that happens is a
// line of JSON.

"use strict";

const { createRequire } = require("node:module");
const load = createRequire(process.env.CRIER_NPM + "/package.json");
const [name, url, text] = process.argv.slice(2);
const options = JSON.parse(text || "{}");
const request = {
	method: options.method || "GET",
	headers: options.headers || {},
	body: options.body
};

function tell(what) {
	process.stdout.write(JSON.stringify(what) + "\n");
}

function closed() {
	tell({ state: "closed" });
	process.exit(0);
}

function withEventSource() {
	const { EventSource } = load("eventsource");
	const source = new EventSource(url, {
		fetch: (input, init) => fetch(input, {
			...init,
			...request,
			headers: { ...init.headers, ...request.headers }
		})
	});
	const take = (event) => {
		tell({ event: event.type, data: event.data,
			id: event.lastEventId });
		if (event.type === options.end) {
			source.close();
			closed();
		}
	};

	source.onopen = () => tell({ state: "open" });
	source.onerror = () => {
		if (source.readyState === EventSource.CLOSED)
			closed();
	};
	source.onmessage = take;
	for (const each of [...options.names || [], options.end || []].flat())
		source.addEventListener(each, take);
}

// What it takes for a browser's.
function pretendToBeAPage() {
	globalThis.window = globalThis;
	globalThis.document = {
		hidden: false,
		addEventListener() {},
		removeEventListener() {}
	};
}

class Final extends Error {}

function withFetchEventSource() {
	pretendToBeAPage();
	const { fetchEventSource } = load("@microsoft/fetch-event-source");
	const controller = new AbortController();

	fetchEventSource(url, {
		...request,
		signal: controller.signal,
		openWhenHidden: true,
		async onopen(response) {
			if (response.status !== 200)
				throw new Final(response.status);
			tell({ state: "open" });
		},
		onmessage(message) {
			tell({ event: message.event || "message",
				data: message.data, id: message.id });
			if (message.event && message.event === options.end)
				controller.abort();
		},
		onclose() {
			throw new Error("it shall come back");
		},
		onerror(error) {
			if (error instanceof Final)
				throw error;
		}
	}).then(closed, closed);
}

// Its parser alone, which hands out comments, too.
async function withParser() {
	const { createParser } = load("eventsource-parser");
	let channel = null;
	const parser = createParser({
		onComment(comment) {
			if (comment.startsWith("channel "))
				channel = comment.slice("channel ".length);
		},
		onEvent(event) {
			tell({ event: event.event || "message",
				data: event.data, id: event.id, channel });
		},
		onError(error) {
			tell({ error: error.type });
		}
	});
	const response = await fetch(url, request);
	const decoder = new TextDecoder();

	tell({ state: "open" });
	for await (const bytes of response.body)
		parser.feed(decoder.decode(bytes, { stream: true }));
	closed();
}

if (name === "eventsource")
	withEventSource();
else if (name === "eventsource-parser")
	withParser();
else
	withFetchEventSource();
