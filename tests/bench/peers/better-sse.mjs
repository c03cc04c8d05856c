// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

// better-sse with what it does by itself.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const [modules, port] = process.argv.slice(2);
const { createChannel, createSession } =
	createRequire(modules + "/")("better-sse");
const channels = new Map();

function channel(name) {
	if (!channels.has(name))
		channels.set(name, createChannel());
	return channels.get(name);
}

async function body(request) {
	let text = "";
	for await (const piece of request)
		text += piece;
	return text;
}

const server = createServer(async (request, response) => {
	const url = new URL(request.url, "http://localhost");
	const name = url.searchParams.get("ch");
	if (request.method === "GET") {
		// As it is: what would be a string of JSON stands in quotes.
		const session = await createSession(request, response,
			{ serializer: String });
		channel(name).register(session);
		return;
	}
	channel(name).broadcast(await body(request));
	response.end("{}");
});
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 4096 });
server.keepAliveTimeout = 0;
