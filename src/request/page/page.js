/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The status page.  It follows $stats and $streams by one EventSource, and
 * asks for the lists every few seconds.  All that is shown goes into the page
 * as text, never as HTML: names of channels and users are anybody's.
 */
"use strict";

const KEEP = 300;          // seconds of the charts, at most
const SPAN = 60;           // and at least
const LOG = 40;            // lines of a list of events
const ASK_MS = 3000;       // between two questions for the lists
const SILENT_MS = 5000;    // after which $stats is late
const $ = (id) => document.getElementById(id);

/* The page's own URL, with the parameters that it came with, such as a token. */
function view(name, more) {
	const query = new URLSearchParams(location.search);
	query.set("view", name);
	for (const [key, value] of Object.entries(more || {}))
		query.set(key, value);
	return "?" + query;
}

function make(tag, text, className) {
	const e = document.createElement(tag);
	if (text !== undefined)
		e.textContent = text;
	if (className)
		e.className = className;
	return e;
}

const count = (n) => n < 10000 ? String(Math.round(n)) :
    n < 1e6 ? (n / 1e3).toFixed(1) + " k" :
    n < 1e9 ? (n / 1e6).toFixed(2) + " M" : (n / 1e9).toFixed(2) + " G";

function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;
	for (; n >= 1024 && i < 4; i++)
		n /= 1024;
	return (i === 0 ? n : n.toFixed(1)) + " " + units[i];
}

const micros = (n) => n < 1000 ? n + " µs" :
    n < 1e6 ? (n / 1e3).toPrecision(3) + " ms" : (n / 1e6).toFixed(1) + " s";

function age(s) {
	return s < 60 ? s + " s" : s < 3600 ? Math.floor(s / 60) + " min" :
	    s < 86400 ? Math.floor(s / 3600) + " h " +
	    Math.floor(s / 60) % 60 + " min" :
	    Math.floor(s / 86400) + " d " + Math.floor(s / 3600) % 24 + " h";
}

/* Each chart: a figure of $stats, and perhaps a second one. */
const charts = [
	{ title: "Streams", a: "streams", show: count },
	{ title: "Opened a second", a: "opened_per_second", show: count,
	    b: "closed_per_second", also: "closed" },
	{ title: "Events in, a second", a: "published_per_second", show: count },
	{ title: "Events out, a second", a: "delivered_per_second",
	    show: count },
	{ title: "Bytes sent, a second", a: "bytes_per_second", show: bytes },
	{ title: "Latency, half below", a: "latency_p50_us", show: micros,
	    b: "latency_p99_us", also: "p99" },
];
const history = [];

function drawLine(values, top, span) {
	let d = "", pen = "M";
	values.forEach((value, i) => {
		if (value === undefined) {
			pen = "M";
			return;
		}
		const x = span - values.length + i + 0.5;
		d += pen + x + " " + (54 - 50 * value / top).toFixed(1);
		/* A lone value is a dot. */
		d += pen === "M" ? "h.1" : "";
		pen = "L";
	});
	return d;
}

function drawChart(c) {
	const a = history.map((h) => h[c.a]), b = c.b && history.map((h) => h[c.b]);
	const known = a.concat(b || []).filter((v) => v !== undefined);
	const top = Math.max(1, ...known);
	const last = history[history.length - 1] || {};
	const put = (value) => value === undefined ? "–" : c.show(value);

	c.now.textContent = put(last[c.a]);
	if (c.b)
		c.second.textContent = c.also + " " + put(last[c.b]);
	c.top.textContent = known.length ? "most " + c.show(top) : "";
	const span = Math.max(SPAN, history.length);
	c.svg.setAttribute("viewBox", "0 0 " + span + " 56");
	c.line.setAttribute("d", drawLine(a, top, span));
	const closed = a.length && a.every((v) => v !== undefined);
	c.fill.setAttribute("d", closed ? drawLine(a, top, span) + "V55H" +
	    (span - a.length + 0.5) + "Z" : "");
	if (c.b)
		c.other.setAttribute("d", drawLine(b, top, span));
	c.svg.setAttribute("aria-label", c.title + ": now " + put(last[c.a]) +
	    (c.b ? ", " + c.also + " " + put(last[c.b]) : "") + ", most " +
	    c.show(top));
}

function makeChart(c) {
	const box = make("figure", undefined, "chart"), head = make("figcaption");
	const svg = (tag, className) => {
		const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
		if (className)
			e.setAttribute("class", className);
		return e;
	};
	head.append(make("b", c.title), c.now = make("span", "–", "now"));
	if (c.b)
		head.append(c.second = make("span", c.also + " –", "second"));
	head.append(c.top = make("span", "", "top"));
	c.svg = svg("svg");
	c.svg.setAttribute("preserveAspectRatio", "none");
	c.svg.setAttribute("role", "img");
	c.svg.append(c.fill = svg("path", "fill"), c.other = svg("path", "b"),
	    c.line = svg("path"));
	box.append(head, c.svg);
	$("charts").append(box);
	drawChart(c);
}

/* The same as a table, for who hears a page, and for who wants to be exact. */
function drawFigures() {
	const last = history[history.length - 1];
	if (!last || !$("figures-box").open)
		return;
	const rows = Object.keys(last).filter((name) => name !== "seen").map((name) => {
		const values = history.map((h) => h[name]).filter((v) => v !== undefined);
		return [name.replaceAll("_", " "), last[name], Math.min(...values),
		    Math.max(...values)];
	});
	fill("figures", rows);
}

/* Puts rows into a table, keeping the elements so that focus stays. */
function fill(id, rows) {
	const body = $(id).tBodies[0];
	while (body.rows.length > rows.length)
		body.deleteRow(-1);
	rows.forEach((row, i) => {
		const tr = body.rows[i] || body.insertRow();
		while (tr.cells.length > row.length)
			tr.deleteCell(-1);
		row.forEach((value, k) => {
			let cell = tr.cells[k];
			if (!cell) {
				cell = make(k === 0 ? "th" : "td");
				if (k === 0)
					cell.scope = "row";
				tr.append(cell);
			}
			if (value instanceof Node)
				cell.replaceChildren(value);
			else if (cell.firstElementChild || cell.textContent !== String(value))
				cell.textContent = value;
			cell.className = "";
		});
	});
}

function setState(state, text) {
	if (document.body.dataset.state === state && $("state").textContent === text)
		return;
	document.body.dataset.state = state;
	$("state").textContent = text;
}

/* What arrives together was held up on the way. */
const way = { opened: 0, first: 0, bunched: 0, seen: 0 };

/*
 * Where several crierd share a store, each has its figures in $stats: here they
 * are made one, whenever the first of them has spoken.  Times are the longest.
 */
const nodes = new Map();

function ofAllNodes(stats, now) {
	if (!stats.node)
		return stats;
	nodes.set(stats.node, { stats, seen: now });
	for (const [name, one] of nodes)
		if (now - one.seen > SILENT_MS)
			nodes.delete(name);
	if (stats.node !== [...nodes.keys()].sort()[0])
		return null;
	const all = {};
	for (const one of nodes.values())
		for (const [name, value] of Object.entries(one.stats))
			if (typeof value === "number")
				all[name] = /_(ms|us|seconds)$/.test(name) ?
				    Math.max(all[name] || 0, value) :
				    (all[name] || 0) + value;
	return all;
}

function takeStats(event) {
	const now = performance.now();
	const stats = ofAllNodes(JSON.parse(event.data), now);
	if (!stats)
		return;
	if (history.length && now - history[history.length - 1].seen < 200)
		way.bunched++;
	way.seen++;
	if (!way.first)
		way.first = now - way.opened;
	stats.seen = now;
	history.push(stats);
	if (history.length > KEEP)
		history.shift();
	setState("live", "Live");
	if (!document.hidden) {
		charts.forEach(drawChart);
		drawFigures();
	}
}

function addLine(id, text, code) {
	const list = $(id), li = make("li"), time = make("time",
	    new Date().toLocaleTimeString());
	li.append(time, code === undefined ? make("span", text) :
	    make("code", text ? text + ": " + code : code));
	list.prepend(li);
	while (list.children.length > LOG)
		list.lastChild.remove();
}

const reasons = { client: "left", timeout: "timed out", closed: "was closed",
	slow: "was too slow", shutdown: "ended with crierd", error: "broke" };

/* An EventSource has an event "open" of its own, which has no data. */
const isTold = (event) => event instanceof MessageEvent;

function takeStream(event) {
	if (!isTold(event))
		return;
	const e = JSON.parse(event.data);
	const who = e.user || e.address || "somebody";
	const what = (e.channels || []).join(", ");
	$("log-note").hidden = true;
	addLine("log", event.type === "open" ? who + " follows " + what :
	    who + " " + (reasons[e.reason] || e.reason || "left") + " after " +
	    age(e.seconds || 0) + ", " + count(e.events || 0) + " events: " + what);
}

function takeNode(event) {
	const e = JSON.parse(event.data);
	$("log-note").hidden = true;
	addLine("log", "node " + e.node + (event.type === "join" ? " is there" :
	    " is gone, with " + count(e.streams || 0) + " streams"));
}

let source;

function follow() {
	if (source)
		source.close();
	way.opened = performance.now();
	source = new EventSource(view("events"));
	source.addEventListener("stats", takeStats);
	for (const name of ["open", "close"])
		source.addEventListener(name, takeStream);
	for (const name of ["join", "gone"])
		source.addEventListener(name, takeNode);
	source.onerror = () => {
		if (source.readyState === EventSource.CLOSED)
			setTimeout(follow, 3000);
	};
}

/* The lists. */

let before = {}, beforeAt = 0;

function channelRow(c, seconds) {
	const name = make("button", c.channel, "name");
	const was = before[c.channel];
	const rate = was === undefined || seconds <= 0 || c.published < was ? "–" :
	    ((c.published - was) / seconds);
	name.type = "button";
	name.title = c.channel;
	name.dataset.channel = c.channel;
	return [name, count(c.streams), typeof rate === "string" ? rate :
	    rate >= 10 || rate === 0 ? count(rate) : rate.toFixed(1),
	    count(c.published), count(c.events), bytes(c.history_bytes),
	    c.newest_seconds === undefined ? "–" : c.newest_seconds < 2 ? "now" :
	    age(c.newest_seconds) + " ago"];
}

function showChannels(s) {
	const now = performance.now(), seconds = (now - beforeAt) / 1000;
	const focus = document.activeElement && document.activeElement.dataset.channel;
	const list = s.channel_list || [];
	fill("channels", list.map((c) => channelRow(c, seconds)));
	before = {};
	for (const c of list)
		before[c.channel] = c.published;
	beforeAt = now;
	if (focus)
		for (const b of $("channels").querySelectorAll("button"))
			if (b.dataset.channel === focus)
				b.focus({ preventScroll: true });
	$("channels-note").textContent = list.length === 0 ?
	    $("find").value ? "No channel in memory has this in its name." :
	    "No channel has readers, or events in memory." :
	    s.channels > list.length && !$("find").value ? "The first " +
	    list.length + " of " + count(s.channels) + " channels." : "";
}

function showSlow(s) {
	const list = s.list || [];
	fill("slow", list.map((o) => [o.stream, o.user || "–", o.address || "–",
	    make("span", (o.channels || []).join(", "), "bits"),
	    age(Math.round(o.waiting_ms / 1000))]));
	$("slow").hidden = list.length === 0;
	$("slow-note").textContent = list.length === 0 ?
	    "Every client takes what it is sent." :
	    "They wait for their own sockets, and hold up nobody." +
	    (s.limits.stall_ms > 0 ? " After " + age(s.limits.stall_ms / 1000) +
	    " without taking anything a stream is ended (stall-time)." : "");
}

function meter(used, max, show) {
	const share = max > 0 ? used / max : 0, bar = make("progress");
	bar.max = 1;
	bar.value = Math.min(1, share);
	bar.className = share >= 0.9 ? "near" : "";
	bar.setAttribute("aria-label", Math.round(100 * share) + " %");
	return [show(used) + " of " + (max > 0 ? show(max) : "no limit"),
	    max > 0 ? bar : "–"];
}

function limitsOf(s) {
	const l = s.limits, store = s.store || {};
	return [
		["Streams", s.streams, l.max_streams, count],
		["Histories in memory", s.history_bytes, l.history_bytes, bytes],
		["Programs", s.fastcgi.programs, l.run_max, count],
		["Connections of the web server", s.fastcgi.waiting + s.streams,
		    s.fastcgi.connections_max, count],
		["Connections to the queue", s.queue.peers === undefined ?
		    s.queue.connections : s.queue.peers, s.queue.peers_max ||
		    s.queue.connections_max, count],
		["Memory of the queue", s.queue.bytes, s.queue.bytes_max, bytes],
		["Reads held", s.replays.bytes, l.replay_bytes, bytes],
		["Held for who does not read", s.stalled && s.stalled.bytes,
		    l.stall_bytes, bytes],
		["Reads that wait", s.replays.waiting, l.replay_waiting, count],
		["Publishers' keys", store.keys, l.max_keys, count],
		["Database", store.file_bytes, l.store_bytes, bytes],
	].filter((row) => row[1] !== undefined);
}

function showLimits(s) {
	fill("limits", limitsOf(s).map(([name, used, max, show]) =>
	    [name, ...meter(used, max, show)]));
}

function showStore(s) {
	const store = s.store || {}, rows = [["Kind", store.kind +
	    (store.durability ? ", durability " + store.durability : "")]];
	const add = (name, value, show) => value === undefined ||
	    rows.push([name, show(value)]);
	add("State", store.degraded, (d) => d ? make("span", "degraded", "bad") : "good");
	add("Events", store.events, count);
	add("Bytes of these", store.bytes, bytes);
	add("Files", store.file_bytes, bytes);
	add("Log", store.log_bytes, bytes);
	add("Channels", store.channels, count);
	add("Oldest event", store.oldest_ms, (ms) =>
	    ms ? new Date(ms).toLocaleString() : "–");
	add("Commits", store.commits, count);
	add("Last commit took", s.committing && s.committing.last_ms, (ms) => ms + " ms");
	add("Waiting to be committed", s.committing && s.committing.bytes, bytes);
	add("Reads", store.reads, count);
	add("Errors", store.errors, (n) => n ? make("span", count(n), "bad") : "0");
	if (store.nodes > 0) {
		rows.push(["Shared by", store.nodes === 1 ? "this node alone" :
		    count(store.nodes) + " nodes, this one among them"]);
		rows.push(["The shared store", store.up ? "is there" :
		    make("span", "not there for " +
			age(Math.round(store.down_ms / 1000)), "bad")]);
		rows.push(["Behind it", store.lag_ms + " ms"]);
		rows.push(["Connections made to it", count(store.connects)]);
		rows.push(["Batches in doubt", count(store.doubts)]);
	}
	if (store.last_error)
		rows.push(["Last error", store.last_error]);
	fill("store", rows);
}

function showWork(s) {
	const l = s.latency || {};
	fill("work", [
		["Events accepted", count(s.events.published)],
		["Refused", count(s.events.refused)],
		["Gaps told", count(s.events.gaps)],
		["Clients asked to come again", count(s.streams_turned_away)],
		["Users", count(s.users)],
		["Channels followed, over all streams", count(s.following)],
		["Programs that run", count(s.fastcgi.programs)],
		["Reads that wait, and slices held", count(s.replays.waiting) +
		    ", " + count(s.replays.slices)],
		["Latency of late: p50, p99", l.p50_us === undefined ? "–" :
		    micros(l.p50_us) + ", " + micros(l.p99_us)],
		["Requests, and refused", count(s.fastcgi.requests) + ", " +
		    count(s.fastcgi.refused)],
	]);
}

const doors = { fastcgi: "FastCGI, at crierd's socket",
	"fastcgi-handoff": "FastCGI, by a crierd that the web server starts",
	cgi: "CGI" };

/* What crier doctor says of events that are held (doctor/advice_table.c). */
const remedies = { nginx: "fastcgi_buffering off;", apache: "flushpackets=on",
	lighttpd: "server.stream-response-body = 2",
	caddy: "flush_interval -1" };

function showWay(s) {
	const r = s.request || {};
	const isHeld = way.bunched > way.seen / 3;
	const known = Object.keys(remedies).find((name) =>
	    (r.server || "").toLowerCase().startsWith(name));
	let verdict = "measuring";
	if (way.seen > 5)
		verdict = isHeld ?
		    make("span", "events arrive in bunches: something buffers" +
			(known ? "; look for " + remedies[known] : ""), "bad") :
		    "each event arrives by itself: nothing buffers";
	fill("way", [
		["Web server", r.server || "not told"],
		["Attached by", doors[r.door] || r.door || "not told"],
		["Protocol", (r.protocol || "not told") + (r.tls ? " with TLS" : "")],
		["You are", (r.user ? r.user + ", " : "") + (r.address || "not told")],
		["First event after", way.first ? Math.round(way.first) + " ms" : "–"],
		["Buffering", verdict],
	]);
}

/* What somebody should look at. */
function showAlarms(s) {
	const alarms = [], store = s.store || {};
	if (store.degraded)
		alarms.push(["The store is degraded: events are not stored" +
		    (store.last_error ? " (" + store.last_error + ")" : "") + "."]);
	if (s.draining)
		alarms.push(["crierd is about to exit."]);
	if (s.configuration && s.configuration.reload_error)
		alarms.push(["The configuration was not taken: " +
		    s.configuration.reload_error, "mild"]);
	for (const [name, used, max, show] of limitsOf(s))
		if (max > 0 && used >= max * 0.9)
			alarms.push([name + ": " + show(used) + " of " + show(max) +
			    ".", "mild"]);
	$("alarms").replaceChildren(...alarms.map(([text, kind]) =>
	    make("p", text, "alarm " + (kind || ""))));
}

function show(s) {
	$("about").textContent = "version " + s.version + ", up " +
	    age(s.uptime_seconds) + ", process " + s.pid;
	for (const part of [showAlarms, showChannels, showSlow, showLimits, showStore,
	    showWork, showWay, showLooked])
		part(s);
}

let asking, timer;

async function ask() {
	clearTimeout(timer);
	if (asking)
		asking.abort();
	const mine = asking = new AbortController();
	try {
		const more = { sort: $("sort").value };
		if ($("find").value)
			more.find = $("find").value;
		if (looking)
			more.channel = lookedInto;
		const reply = await fetch(view("figures", more),
		    { signal: mine.signal, cache: "no-store" });
		if (reply.status === 401 || reply.status === 403)
			setState("refused", "Not allowed any more");
		if (reply.ok)
			show(await reply.json());
	} catch (error) {
		if (mine.signal.aborted)
			return;
	}
	timer = setTimeout(ask, ASK_MS);
}

function watch() {
	const last = history[history.length - 1];
	const since = performance.now() - (last ? last.seen : way.opened);
	if (document.hidden || since < SILENT_MS ||
	    document.body.dataset.state === "refused")
		return;
	if (document.body.dataset.state !== "gone")
		$("alarms").replaceChildren(make("p", (last ?
		    "What is shown is of " + new Date(Date.now() - since)
		    .toLocaleTimeString() + ". " : "") +
		    "This page goes on by itself when crierd is back.",
		    "alarm mild"));
	setState("gone", last ? "crierd is gone: no word for " +
	    age(Math.round(since / 1000)) : "crierd does not answer");
	if (last && last.seen && since > SILENT_MS)
		charts.forEach((c) => c.now.textContent = "–");
}

/* One channel's events; its own rule says who may follow it. */

let looking, lookedInto;

function showLooked(s) {
	if (!looking || s.may_publish === undefined)
		return;
	$("say").hidden = !s.may_publish;
	$("say-not").hidden = s.may_publish;
}

async function say(event) {
	event.preventDefault();
	const body = { data: $("say-data").value };
	if ($("say-event").value)
		body.event = $("say-event").value;
	$("say-note").textContent = "";
	try {
		const reply = await fetch(view("publish", { channel: lookedInto }),
		    { method: "POST", body: JSON.stringify(body),
		    headers: { "Content-Type": "application/json" } });
		const answer = await reply.text();
		$("say-note").textContent = reply.ok ? "accepted, for " +
		    count(JSON.parse(answer).streams) + " streams" :
		    "refused: " + answer.trim();
		if (reply.ok)
			$("say-data").value = "";
	} catch (error) {
		$("say-note").textContent = "not sent: crierd does not answer";
	}
}

function lookAway() {
	if (looking)
		looking.close();
	looking = undefined;
	$("look").hidden = true;
}

function look(channel) {
	lookAway();
	$("look").hidden = false;
	$("say").hidden = $("say-not").hidden = true;
	$("say-note").textContent = "";
	lookedInto = channel;
	$("look-title").textContent = "In " + channel;
	$("look-events").replaceChildren();
	$("look-note").textContent = "Its last events, and what comes.";
	const mine = looking = new EventSource(view("channel",
	    { channel, last: 20 }));
	const put = (event) => isTold(event) && addLine("look-events",
	    event.type === "message" ? "" : event.type, event.data);
	looking.onmessage = put;
	for (const name of ["crier.gap", "crier.end", "stats", "open", "close"])
		looking.addEventListener(name, put);
	looking.onerror = () => {
		if (mine.readyState === EventSource.CLOSED)
			$("look-note").textContent = "You may not follow this channel: " +
			    "its own rule (subscribe) says who may.";
	};
	$("look-title").focus();
	ask();
}

$("channels").addEventListener("click", (event) => {
	const button = event.target.closest("button");
	if (button)
		look(button.dataset.channel);
});
$("look-close").addEventListener("click", lookAway);
$("say").addEventListener("submit", say);
$("sort").addEventListener("change", ask);
$("find").addEventListener("input", () => {
	clearTimeout(timer);
	timer = setTimeout(ask, 250);
});
$("figures-box").addEventListener("toggle", drawFigures);
document.addEventListener("keydown", (event) => {
	if (event.key === "/" && document.activeElement !== $("find")) {
		event.preventDefault();
		$("find").focus();
	} else if (event.key === "Escape" && looking) {
		lookAway();
	}
});

/* A page that nobody looks at costs nothing. */
document.addEventListener("visibilitychange", () => {
	if (document.hidden) {
		source.close();
		clearTimeout(timer);
	} else {
		follow();
		ask();
	}
});

charts.forEach(makeChart);
follow();
ask();
setInterval(watch, 1000);
