// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

// The few lines with which many pages about Server-Sent Events begin: a set of
// responses for each channel, each of which is written to.  Nothing is kept.

import { createRequire } from "node:module";

const [modules, port] = process.argv.slice(2);
const express = createRequire(modules + "/")("express");
const app = express();
const channels = new Map();

app.get("/sub", (request, response) => {
	const name = request.query.ch;
	if (!channels.has(name))
		channels.set(name, new Set());
	response.writeHead(200, {
		"Content-Type": "text/event-stream",
		"Cache-Control": "no-cache",
		"X-Accel-Buffering": "no",
	});
	response.write(":\n\n");
	channels.get(name).add(response);
	request.on("close", () => channels.get(name).delete(response));
});

app.post("/pub", express.text({ type: "*/*", limit: "1mb" }),
	(request, response) => {
		const text = `data: ${request.body}\n\n`;
		for (const one of channels.get(request.query.ch) ?? [])
			one.write(text);
		response.json({ ok: true });
	});

const server = app.listen({ port: Number(port), host: "127.0.0.1",
	backlog: 4096 });
server.keepAliveTimeout = 0;
