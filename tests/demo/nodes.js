// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors
//
// The page of "./bootstrap --demo --nodes": at which node its stream is, which
// the balancer says by a cookie, and whether a number was missed.
"use strict";

const LINES = 12;
const counts = { count: 0, missing: 0, wrong: 0, gaps: 0, moves: 0 };
let last = null;
let at = "";

function find(id) {
	return document.getElementById(id);
}

function show(name) {
	find(name).textContent = counts[name];
}

function add(name, by = 1) {
	counts[name] += by;
	show(name);
}

function tell(text) {
	const line = document.createElement("li");
	line.textContent = new Date().toLocaleTimeString() + "  " + text;
	find("log").prepend(line);
	while (find("log").children.length > LINES)
		find("log").lastChild.remove();
}

function cookie(name) {
	const found = document.cookie.split("; ")
	    .find(one => one.startsWith(name + "="));
	return found ? found.slice(name.length + 1) : "";
}

async function ask(verb, node) {
	try {
		const answer = await fetch("/events/nodes", {
			method: "POST", body: verb + " " + node + "\n" });
		tell(answer.ok ? verb + " node " + node
			       : "no node does that: " + answer.status);
	} catch (error) {
		tell(String(error));
	}
}

function makeNodes() {
	for (const node of ["1", "2", "3"]) {
		const card = document.createElement("section");
		card.className = "node";
		card.id = "node" + node;
		const title = document.createElement("h2");
		title.textContent = "node " + node;
		card.append(title);
		for (const verb of ["stop", "kill", "start"]) {
			const button = document.createElement("button");
			button.textContent = verb;
			button.id = verb + node;
			button.addEventListener("click", () => ask(verb, node));
			card.append(button, " ");
		}
		find("nodes").append(card);
	}
}

function showNode() {
	const now = cookie("crier-node");
	if (at && now !== at) {
		add("moves");
		tell("went on from node " + at + " at node " + now);
	}
	at = now;
	find("at").textContent = "This page is at node " + at;
	for (const card of document.querySelectorAll(".node"))
		card.classList.toggle("here", card.id === "node" + at);
}

function take(number) {
	if (last !== null && number <= last)
		add("wrong");
	else {
		if (last !== null)
			add("missing", number - last - 1);
		last = number;
	}
	add("count");
}

makeNodes();
const source = new EventSource("/events/demo");
source.addEventListener("open", showNode);
source.addEventListener("error", () => {
	find("at").textContent = "This page is between nodes";
});
source.addEventListener("message", event => {
	if (/^\d+$/.test(event.data))
		take(Number(event.data));
	else
		tell(event.data);
});
source.addEventListener("crier.gap", () => add("gaps"));
