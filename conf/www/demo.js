/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The demo page: follows a channel by EventSource and shows what arrives, how
 * the connection is, and what happened when it was lost.
 *
 * The query string may say ?tabs, to follow with crier.js; ?channel= (several
 * times) and ?names= (a list with commas) for the fields, ?url= for another
 * place than /events, ?answer= for the id of an answer, and, only on this very
 * machine, ?demo= for the directory of tests/demo.sh, whose crierd lets this
 * page publish.
 *
 * All that comes from outside goes into the page as textContent.
 */
"use strict";

const LIST_MAX = 500; /* items; older ones are dropped */
const AGAIN_FIRST_S = 3; /* after a failure that the browser gives up on */
const AGAIN_MAX_S = 10;
const BURST_MS = 500; /* without better knowledge, what is "caught up" */
const SETTLE_MS = 250; /* a stream that ends sooner was none */
const LONG_CHARS = 600; /* what is longer is folded */
const LONG_LINES = 10;

const query = new URLSearchParams(location.search);
const $ = (id) => document.getElementById(id);

/* Where tests/demo.sh has its files, or "": only if this page is its own. */
const demo = /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname) &&
    /^\/[\w./-]*\/crier-demo\.\w+$/.test(query.get("demo")) ?
    query.get("demo") : "";

/* What follows: crier.js shares one stream among the tabs. */
const Source = query.has("tabs") && window.Crier || EventSource;

let source = null;
let listening = new Set();
let lastId = "";
let lost = null; /* since when there is no connection: Date */
let opened = null; /* when the stream opened that has not settled yet: Date */
let resumed = null; /* the divider that counts what is caught up */
let clockOffset = Infinity; /* this clock minus the one in the ids, ms */
const counts = { count: 0, reconnects: 0, gaps: 0 };
let timer = 0;
let settling = 0;
let againSeconds = AGAIN_FIRST_S;

function element(tag, className, text)
{
	const e = document.createElement(tag);

	if (className)
		e.className = className;
	if (text !== undefined)
		e.textContent = text;
	return e;
}

function plural(n, word)
{
	return n + " " + word + (n === 1 ? "" : "s");
}

function clock(date)
{
	return date.toLocaleTimeString([], { hour: "2-digit",
		minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

function count(name)
{
	const word = { reconnects: "reconnect", gaps: "gap" }[name];

	counts[name]++;
	$(name).textContent = counts[name];
	if (word)
		$(name).previousElementSibling.textContent =
		    word + (counts[name] === 1 ? "" : "s");
}

/* What an empty list says, by the connection's state. */
const EMPTY = {
	connecting: ["Connecting", "to the web server, and through it to crierd."],
	live: ["Nothing yet", "Publish an event, and it is here before you have " +
	    "let go of the key."],
	reconnecting: ["Not connected", "The browser tries again by itself. What " +
	    "is published meanwhile will be here then."],
	closed: ["Not connected", "Nothing arrives now."],
};

/* The connection's state, and a note beside it. */

function state(name, note)
{
	const s = $("state");

	if (s.dataset.state !== name) {
		s.dataset.state = name;
		s.textContent = name;
	}
	$("note").textContent = note || "";
	$("again").hidden = name !== "closed";
	$("empty-title").textContent = EMPTY[name][0];
	$("empty-text").textContent = EMPTY[name][1];
}

/* Calls tick(seconds since start) at once and every second; one at a time. */
function everySecond(start, tick)
{
	const call = () => tick(Math.round((Date.now() - start) / 1000));

	clearInterval(timer);
	timer = setInterval(call, 1000);
	call();
}

/* The list, newest first. */

function listAdd(item)
{
	const list = $("events");

	list.prepend(item);
	while (list.childElementCount > LIST_MAX)
		list.lastElementChild.remove();
	$("empty").hidden = true;
}

/* The object in text if it is JSON worth showing in parts, otherwise null. */
function parse(text)
{
	let value;

	if (!/^\s*[[{]/.test(text))
		return null;
	try {
		value = JSON.parse(text);
	} catch (e) {
		return null;
	}
	return Object.keys(value).length > 0 ? value : null;
}

/* In one line if it is short. */
function prettyNested(value)
{
	const line = JSON.stringify(value, null, 1).replace(/\n */g, " ");

	return line.length <= 60 ? line : JSON.stringify(value, null, 2);
}

function pretty(value)
{
	const list = element("dl", "pretty");

	for (const [key, part] of Object.entries(value)) {
		const row = element("div");
		const nested = part !== null && typeof part === "object";

		row.append(element("dt", "", key));
		row.append(element("dd", nested ? "nested" : typeof part,
		    nested ? prettyNested(part) : String(part)));
		list.append(row);
	}
	return list;
}

/* The same name always has the same of the six colours. */
function colour(name)
{
	let sum = 5;

	if (name === "message")
		return "plain";
	for (const c of name)
		sum = (sum * 33 + c.codePointAt(0)) % 9973;
	return "colour" + sum % 6;
}

/* The data as it came; folded if it is long or has been shown otherwise. */
function dataElement(data, isShown)
{
	const pre = element("pre", "data", data);
	const isLong = data.length > LONG_CHARS ||
	    data.split("\n").length > LONG_LINES;
	const box = element("details", "raw");
	const button = element("button", "fold", "Show all of it");

	if (isShown) {
		box.append(element("summary", "", "as it was sent"), pre);
		return [box];
	}
	if (!isLong)
		return [pre];
	pre.classList.add("long");
	button.type = "button";
	button.addEventListener("click", () => {
		button.textContent = pre.classList.toggle("long") ?
		    "Show all of it" : "Show less";
	});
	return [pre, button];
}

function listEvent(name, id, data, note)
{
	const item = element("li", "event");
	const head = element("div", "head");
	const now = new Date();
	const time = element("time", "", clock(now));
	const value = parse(data);

	item.dataset.id = id;
	item.dataset.event = name;
	time.dateTime = now.toISOString();
	head.append(element("span", "name " + colour(name), name));
	if (id !== "")
		head.append(element("code", "id", id));
	head.append(time);
	item.append(head);
	if (note) {
		item.classList.add("own");
		item.append(element("p", "about", note));
	}
	if (value !== null)
		item.classList.add("json");
	if (value !== null && !note)
		item.append(pretty(value));
	item.append(...dataElement(data, value !== null));
	listAdd(item);
}

/* The line that stays where the connection was lost. */

function dividerText()
{
	const r = resumed;
	const parts = ["connection lost " + clock(r.at) + ", "];

	if (r.id === "")
		parts.push("back " + clock(r.back));
	else
		parts.push("resumed " + clock(r.back) + " after ",
		    element("code", "id", r.id));
	parts.push(", " + plural(r.events, "event") + " caught up");
	r.item.firstElementChild.replaceChildren(...parts);
}

function dividerAdd()
{
	const item = element("li", "divider");

	item.append(element("span"));
	resumed = { item, at: lost, back: opened, id: lastId, events: 0 };
	dividerText();
	listAdd(item);
}

/*
 * Whether the event was there before the connection was back.  Its id begins
 * with the server's time; how far that is from ours was seen while live.
 */
function isCaughtUp(id, now)
{
	const ms = /^(\d{12,15})-\d+$/.exec(id);
	const back = resumed.back.getTime();

	if (ms !== null && clockOffset !== Infinity)
		return Number(ms[1]) + clockOffset < back;
	return now - back < BURST_MS;
}

function clockLearn(id, now)
{
	const ms = /^(\d{12,15})-\d+$/.exec(id);

	if (ms !== null)
		clockOffset = Math.min(clockOffset, now - Number(ms[1]));
}

/* What the stream brings. */

function eventCb(e)
{
	const now = Date.now();

	settled();
	count("count");
	/* Newest first: what was caught up stands above the divider. */
	listEvent(e.type, e.lastEventId, e.data);
	if (e.lastEventId !== "")
		lastId = e.lastEventId;
	if (resumed !== null && isCaughtUp(e.lastEventId, now)) {
		resumed.events++;
		dividerText();
	} else {
		resumed = null;
		clockLearn(e.lastEventId, now);
	}
}

function gapCb(e)
{
	settled();
	count("gaps");
	listEvent(e.type, "", e.data,
	    "Events may be missing here: the server does not have all that " +
	    "came since this page was connected.");
}

function endCb(e)
{
	const value = parse(e.data);
	const reason = value && value.reason ? String(value.reason) : "";

	listEvent(e.type, "", e.data, "The server ended the stream" +
	    (reason ? ": " + reason + "." : "."));
}

function names()
{
	return new Set($("names").value.split(/[\s,]+/).filter((n) =>
	    n !== "" && n !== "message" && n !== "error" && n !== "open" &&
	    n !== "crier.gap" && n !== "crier.end"));
}

/* EventSource hands out only events of names that somebody listens for. */
function listen()
{
	const wanted = names();

	for (const n of listening)
		if (!wanted.has(n))
			source.removeEventListener(n, eventCb);
	for (const n of wanted)
		source.addEventListener(n, eventCb);
	listening = wanted;
}

/*
 * While crierd is down the web server may answer in its place with an empty
 * stream, so being open is not yet being live.
 */
function openCb()
{
	opened = new Date();
	settling = setTimeout(settled, SETTLE_MS);
}

function settled()
{
	if (opened === null)
		return;
	clearTimeout(settling);
	clearInterval(timer);
	againSeconds = AGAIN_FIRST_S;
	if (lost !== null) {
		count("reconnects");
		dividerAdd();
		lost = null;
	}
	opened = null;
	state("live");
}

function errorCb()
{
	clearTimeout(settling);
	opened = null;
	if ($("state").dataset.state === "live")
		lost = new Date();
	if (source.readyState === EventSource.CLOSED)
		closed("refused by the server");
	else if (lost !== null)
		everySecond(lost, (s) => state("reconnecting",
		    "by itself, for " + s + " s now"));
	else
		state("connecting", "no answer yet");
}

/*
 * Any answer but 200 ends an EventSource for good, also the 503 of a web
 * server whose crierd is being restarted.  So try again ourselves.
 */
function closed(why)
{
	const wait = againSeconds;

	againSeconds = Math.min(againSeconds * 2, AGAIN_MAX_S);
	everySecond(Date.now(), (s) => {
		state("closed", why + "; again in " + (wait - s) + " s");
		if (s >= wait) {
			clearInterval(timer);
			again();
		}
	});
}

/* 204 means stop: EventSource does not say so, fetch() does. */
async function again()
{
	const mine = source;
	const abort = new AbortController();
	let status = 0;

	state("closed", "trying again");
	try {
		const r = await fetch(streamUrl(), { signal: abort.signal,
		    cache: "no-store", headers: { Accept: "text/event-stream" } });
		status = r.status;
		abort.abort();
	} catch (e) {
		/* No server at all; status stays 0. */
	}
	if (source !== mine)
		return;
	if (status === 200)
		connect();
	else if (status === 204)
		state("closed", "the server has closed this channel");
	else
		closed(status === 0 ? "no answer" : "the server says " + status);
}

function channels()
{
	return $("channel").value.split(/[\s,]+/).filter((c) => c !== "");
}

function pathOf(channel)
{
	return channel.split("/").map(encodeURIComponent).join("/");
}

/* A channel whose name has slashes stands in the path, by itself. */
function streamUrl()
{
	const list = channels();
	const alone = list.length === 1 && list[0].includes("/");
	const url = new URL((query.get("url") || "/events") +
	    (alone ? "/" + pathOf(list[0]) : ""), location.href);

	for (const c of alone ? [] : list)
		url.searchParams.append("channel", c);
	if (lastId !== "")
		url.searchParams.set("lastEventId", lastId);
	return url.href;
}

function connect()
{
	if (source !== null)
		source.close();
	clearInterval(timer);
	clearTimeout(settling);
	opened = null;
	if (lost === null)
		state("connecting");
	source = new Source(streamUrl());
	listening = new Set();
	source.onopen = openCb;
	source.onerror = errorCb;
	source.onmessage = eventCb;
	source.addEventListener("crier.gap", gapCb);
	source.addEventListener("crier.end", endCb);
	listen();
}

/* The commands. */

function quote(word)
{
	return /^[\w./:@%+,=-]+$/.test(word) ? word :
	    "'" + word.replace(/'/g, "'\\''") + "'";
}

/* Double quotes read better, as long as nothing in them is special. */
function quoteText(text)
{
	return /^[^"$`\\!]*$/.test(text) ? '"' + text + '"' : quote(text);
}

/* The channel to publish to. */
function target()
{
	return $("target").value || channels()[0] || "news";
}

/* [title, command]: those that everybody sees, then other ways. */
function commandLists()
{
	const c = target();
	const q = quote(c);
	/* The demo's crierd is of who looks; one of the system is root's. */
	const crier = demo ? "crier" : "sudo crier";
	const pub = crier + " pub ";
	const fifo = demo ? " > " + quote(demo + "/queue.fifo") :
	    " | sudo tee /run/crier/queue.fifo";
	const first = ["Some text", pub + q + ' "Going down at five"'];

	return [
		demo ? [["First, in a terminal", ". " + quote(demo + "/env")], first] :
		    [first],
		[
			["With a name", pub + "-e alarm " + q + ' "Window open"'],
			["A JSON object", pub + "-J -e exit " + q +
			    " job=backup status=0 seconds=12.5"],
			["Each line of a program", "(for n in 3 2 1 go; do echo $n; " +
			    "sleep 1; done) | " + pub + "-l " + q],
			["Without a program of ours", "echo " +
			    quoteText(c + " The gates are open") + fifo],
		],
		[["", crier + " restart"]],
	];
}

/* Clipboard access needs https or localhost; the old way does not. */
async function copy(text)
{
	if (navigator.clipboard && window.isSecureContext) {
		try {
			await navigator.clipboard.writeText(text);
			return true;
		} catch (e) {
			/* Not allowed: the old way. */
		}
	}
	const area = element("textarea", "offscreen");
	area.value = text;
	document.body.append(area);
	area.select();
	const done = document.execCommand("copy");
	area.remove();
	return done;
}

async function copyCb(button, text)
{
	const done = await copy(text);

	button.focus();
	button.textContent = done ? "Copied" : "Not allowed";
	$("copied").textContent = done ? "Copied: paste it into a shell" :
	    "The browser does not allow it: mark the text and copy it";
	setTimeout(() => {
		button.textContent = "Copy";
		$("copied").textContent = "";
	}, 2500);
}

function card([title, text])
{
	const box = element("div", title ? "card" : "card bare");
	const button = element("button", "copy", "Copy");
	const command = element("pre", "command");

	button.type = "button";
	button.setAttribute("aria-label", "Copy: " + (title || text));
	button.addEventListener("click", () => copyCb(button, text));
	command.append(element("code", "", text));
	if (title)
		box.append(element("h3", "", title));
	box.append(button, command);
	return box;
}

function commandsShow()
{
	const [first, others, restart] = commandLists();

	$("commands").replaceChildren(...first.map(card));
	$("others").replaceChildren(...others.map(card));
	$("restart").replaceChildren(...restart.map(card));
}

/* One of several channels to publish to. */
function targetsShow()
{
	const list = channels();

	$("target").replaceChildren(...list.map((c) => element("option", "", c)));
	$("target-label").hidden = $("several").hidden = list.length < 2;
}

/* Publishing from here: where a route of crierd's allows it. */

function sendSay(text)
{
	$("copied").textContent = text;
	setTimeout(() => {
		if ($("copied").textContent === text)
			$("copied").textContent = "";
	}, 4000);
}

async function sendCb(e)
{
	const url = "/events/publish/" + pathOf(target());
	const text = $("text").value;

	e.preventDefault();
	if (text === "")
		return;
	try {
		const r = await fetch(url, { method: "POST",
		    body: new URLSearchParams({ data: text }) });
		const reply = await r.json();

		sendSay(reply.ok ? "Sent to " + plural(reply.streams, "page") :
		    reply.error);
		if (reply.ok)
			$("text").value = "";
	} catch (error) {
		sendSay("crierd does not answer");
	}
}

/*
 * An answer that a program writes while one reads: crierd runs it once, and its
 * channel has what it prints.  The id is in the address, so whoever opens that
 * follows, from the beginning.
 */

let answer = null;

function answerUrl()
{
	return "/events/answer/" + pathOf(query.get("answer"));
}

function answerState(text, isWriting)
{
	$("answer-state").textContent = text;
	$("stop").disabled = !isWriting;
}

function answerEnd(text)
{
	answer.close();
	answerState(text, false);
}

function answerFollow()
{
	if (answer !== null)
		answer.close();
	$("answer").textContent = "";
	answerState("writing", true);
	answer = new EventSource(answerUrl());
	answer.addEventListener("message", (e) => {
		$("answer").textContent += e.data + " ";
	});
	answer.addEventListener("done", (e) => answerEnd(
	    String((parse(e.data) || {}).reason)));
	answer.addEventListener("error", () => {
		if (answer.readyState === EventSource.CLOSED)
			answerEnd("refused by the server");
	});
}

async function askCb(e)
{
	e.preventDefault();
	query.set("answer", crypto.randomUUID());
	addressUpdate();
	try {
		const r = await fetch(answerUrl(), { method: "POST",
		    body: $("question").value });

		if (r.ok) {
			r.body.cancel();
			answerFollow();
		} else {
			answerState((await r.json()).error, false);
		}
	} catch (error) {
		answerState("crierd does not answer", false);
	}
}

function answerStop()
{
	fetch(answerUrl(), { method: "DELETE" });
}

function answersStart()
{
	$("answers").hidden = demo === "";
	$("ask").addEventListener("submit", askCb);
	$("stop").addEventListener("click", answerStop);
	if (demo !== "" && query.has("answer"))
		answerFollow();
}

/* The fields. */

function clear()
{
	$("events").replaceChildren();
	$("empty").hidden = false;
	resumed = null;
}

function addressUpdate()
{
	query.delete("channel");
	for (const c of channels())
		query.append("channel", c);
	query.set("names", [...names()].join(","));
	history.replaceState(null, "", "?" + query);
}

function followCb(e)
{
	e.preventDefault();
	clear();
	lastId = "";
	lost = null;
	addressUpdate();
	targetsShow();
	commandsShow();
	connect();
}

function listenCb(e)
{
	e.preventDefault();
	listen();
	addressUpdate();
}

/* Whether there is a status page, and it is for who looks. */
async function statusIsThere()
{
	try {
		const r = await fetch("/events/status", { method: "HEAD" });

		/* Without a route of its own that is a channel. */
		return r.ok &&
		    r.headers.get("Content-Type").startsWith("text/html");
	} catch {
		return false;
	}
}

/* Links to the status page and, where the demo has them, to the papers. */
async function papersShow()
{
	const names = ["README.md", "doc/porting.md", "doc/tokens.md"];
	const links = names.map((name) => {
		const link = element("a", "", name.replace(/^.*\//, ""));

		link.href = "/papers/" + name;
		return link;
	});
	const status = element("a", "", "status page");

	status.href = "/events/status";
	if (demo !== "")
		$("papers").replaceChildren(...links.flatMap((link) =>
		    [link, " \u00b7 "]).slice(0, -1));
	if (await statusIsThere())
		$("papers").prepend(status, " \u00b7 ");
}

/*
 * How many pages share the stream that this one follows: each holds its lock or
 * waits for it.
 */
async function tabsShow()
{
	const { held, pending } = await navigator.locks.query();
	const own = (lock) => lock.name.startsWith("crier ") &&
	    lock.name.includes(source.url.replace(/[?&]lastEventId=[^&]*/, ""));
	const n = held.filter(own).length + pending.filter(own).length;

	$("tabs-text").textContent = n < 2 ?
	    "This page follows with crier.js. Another tab will not need a stream " +
	    "of its own." : n + " pages share one stream. Close any of them: the " +
	    "others go on, and miss nothing.";
}

function tabsStart()
{
	$("tabs").addEventListener("click", () => {
		const address = new URLSearchParams(query);

		address.set("tabs", "");
		$("tabs").href = "?" + address;
	});
	if (Source === EventSource || !navigator.locks)
		return;
	$("tabs").textContent = "Open another tab";
	setInterval(tabsShow, 1000);
}

function start()
{
	if (query.has("channel"))
		$("channel").value = query.getAll("channel").join(" ");
	if (query.has("names"))
		$("names").value = query.get("names").split(",").join(", ");
	$("follow").addEventListener("submit", followCb);
	$("listen").addEventListener("submit", listenCb);
	$("names").addEventListener("change", listenCb);
	$("clear").addEventListener("click", clear);
	$("again").addEventListener("click", connect);
	$("send").addEventListener("submit", sendCb);
	$("target").addEventListener("change", commandsShow);
	$("send").hidden = demo === "";
	/* On a narrow screen the events come first. */
	$("more").open = !matchMedia("(max-width: 899px)").matches;
	papersShow();
	targetsShow();
	commandsShow();
	connect();
	tabsStart();
	answersStart();
}

start();
