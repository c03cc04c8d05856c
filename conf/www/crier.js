/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * The browser's half of crier: Crier is an EventSource that shares one stream
 * among all tabs of a site, comes back whatever a server or a network says, asks
 * the page for a token, and tells of gaps.  doc/porting.md has its interface.
 *
 * The tab that has the lock leads: its stream is everybody's, told by a
 * BroadcastChannel.  All others wait for the lock.  A tab that comes, or cannot
 * be sure that it has heard everything, fetches what it lacks itself, by a
 * short request (poll=0), and leaves out what it is told again.
 *
 * The build makes crier.min.js of it, by strip.awk, which says what it relies
 * on.
 */
(() => {

const SILENT_MS = 9e4; /* without a byte, not even of a heartbeat */
const AGAIN_MAX_MS = 3e4;
const ASK_MS = 2e4; /* between two questions whether the leader lives */
const DEAF_MS = 3e3; /* a leader that does not answer loses the lock */
const STREAMS = 4; /* of the six that HTTP/1.1 gives a site; the rest polls */
const HEARD_MAX = 1e3; /* messages, before all that came before is here */

const clear = clearTimeout;
const locks = navigator.locks;
const abortController = () => new AbortController();

/* An id of crier's own form as a text that sorts by age; otherwise "". */
const age = (id) => /^\d{13}-\d+$/.test(id) ?
    id.replace(/\d+$/, (n) => n.padStart(9, 0)) : "";

/* What makes a source live.  Returns what ends it. */
const follow = (source, options) => {
	const base = new URL(source.url);
	const silence = options.silence || SILENT_MS;
	let name = ""; /* of the lock and the channel; "": nothing is shared */
	let life; /* until the page is frozen or left */
	let request; /* the one that goes on */
	let channel;
	let leads;
	let polls; /* only what is there is asked for */
	let hasPlace; /* among the streams */
	let term = 0; /* whose leader we hear: the greatest */
	let count; /* of its messages with events; NaN: unknown */
	let joined; /* has all that came before what is heard */
	let heard; /* what is heard before that */
	let id = "";
	let newest = ""; /* event's age, since the last gap */
	let own; /* what joining brought with an id of a publisher's */
	let bearer;
	let asks = !!options.token;
	let retry = 3e3;
	let failures = 0;
	let next; /* timers: a request, a question, a leader's answer */
	let every;
	let answers;

	const isOver = () => source.readyState > 1;
	const emit = (type, init) =>
	    source.dispatchEvent(new MessageEvent(type, init));

	/* Where the page goes on, after it was frozen or left, it joins anew. */

	const start = async (mode) => {
		const { signal } = life = abortController();

		leads = joined = hasPlace = false;
		if (name) {
			channel = new BroadcastChannel(name);
			channel.onmessage = (e) => hear(e.data);
			every = setInterval(ask, ASK_MS);
			if (!await hold(name, mode || { ifAvailable: true })) {
				if (signal.aborted)
					return;
				connect();
				await hold(name, { signal });
			}
			term = Math.max(term + 1, Date.now());
			count = 0;
		}
		leads = true;
		tell();
		connect();
	};

	const pause = () => {
		leads = joined = false;
		life.abort();
		request?.abort();
		channel?.close();
		clear(next);
		clear(every);
		answers = clear(answers);
	};

	const restart = (mode) => {
		pause();
		start(mode);
	};

	/*
	 * Whether we get a lock.  It is ours until the pause, or is stolen.  Where
	 * there can be no locks nothing is shared.
	 */
	const hold = (what, mode) => new Promise((got) => {
		let has;
		const { signal } = life;

		locks.request(what, mode, (lock) => {
			got(has = lock && !signal.aborted);
			return has && new Promise((end) =>
			    signal.addEventListener("abort", end));
		}).catch(() => {
			if (!signal.aborted) {
				if (!has)
					name = "";
				restart();
			}
		});
	});

	/* Among the tabs: [term, count, readyState, id, events]; []: a question. */

	const tell = (events) => {
		if (events)
			count++;
		if (leads && name)
			channel.postMessage([term, count, source.readyState, id, events]);
	};

	const ask = () => {
		if (!joined)
			return;
		channel.postMessage([]);
		answers ||= setTimeout(restart, DEAF_MS, { steal: true });
	};

	const hear = (message) => {
		const [itsTerm, itsCount, state, itsId, events] = message;

		if (!itsTerm)
			tell();
		if (leads || !(itsTerm >= term))
			return;
		answers = clear(answers);
		if (!joined)
			return heard.push(message) > HEARD_MAX && connect();
		/* A new leader goes on where it was, which may not be where we are. */
		const missed = count >= 0 && (itsTerm > term ? itsCount || itsId !== id :
		    itsCount !== count + !!events);
		term = itsTerm;
		count = itsCount;
		if (missed)
			return connect();
		hand(events || [], true);
		if (newest && age(itsId) > newest) {
			id = itsId;
			newest = age(id);
		}
		set(state);
	};

	/* The page gets events: [type, data, lastEventId, whether it has an id]. */

	const hand = (events, told) => {
		for (const [type, data, lastEventId, has] of events) {
			const its = has && age(lastEventId);

			if (isOver() || told && has &&
			    (its ? its <= newest : own.has(lastEventId + data)))
				continue;
			if (told)
				own.clear();
			else if (!its && !leads && own.size < HEARD_MAX)
				own.add(lastEventId + data);
			if (has || !told)
				id = lastEventId;
			if (has)
				newest = its;
			const init = { data, lastEventId, origin: base.origin };
			emit(type, init);
			if (type === "crier.gap") {
				newest = "";
				emit("gap", init);
			}
		}
	};

	const set = (state) => {
		if (isOver() || state && state === source.readyState)
			return;
		source.readyState = state;
		tell();
		emit(state ? "open" : "error");
	};

	/* One request, and when the next one follows. */

	const later = (ms) => {
		clear(next);
		next = setTimeout(connect, ms);
	};

	const connect = async () => {
		let status;
		let whole;

		request?.abort();
		clear(next);
		if (life.signal.aborted)
			return;
		const { signal } = request = abortController();
		joined = false;
		heard = [];
		own = new Set();
		if (!leads)
			count = NaN;
		try {
			if (asks)
				bearer = await options.token();
			asks = false;
			polls = !leads || !await place();
			if (signal.aborted)
				return;
			later(silence);
			const answer = await fetch(target(), {
				cache: "no-store", ...options, signal,
				...source.withCredentials && { credentials: "include" },
				headers: { Accept: "text/event-stream", ...options.headers,
					...bearer && { Authorization: "Bearer " + bearer } } });
			status = answer.status;
			if (status === 200 && /^text\/event-stream/i.test(
			    answer.headers.get("Content-Type"))) {
				failures = -1;
				set(1);
				whole = await read(answer.body, signal);
			}
		} catch {
			/* No answer, or it was cut off. */
		}
		if (!signal.aborted)
			ended(status, whole);
	};

	const ended = (status, whole) => {
		const denied = /^40[13]$/.test(status) && options.token;

		request.abort();
		failures++;
		asks ||= denied;
		if (whole && !leads)
			join();
		else if (!denied && /^(204|4(?!08|25|29)..)$/.test(status)) {
			source.close();
			emit("error");
		} else {
			if (!whole)
				set(0);
			later(denied && failures < 2 ? 0 :
			    (retry + Math.min(retry * failures, AGAIN_MAX_MS)) *
			    (.75 + Math.random() / 2));
		}
	};

	const join = () => {
		clear(next);
		joined = true;
		for (const message of heard)
			hear(message);
		ask();
	};

	/* Whether there may be one more stream: over HTTP/1.1 they are few. */
	const place = async () => {
		hasPlace ||= !name || !/^http\/1/.test(
		    performance.getEntriesByType("navigation")[0]?.nextHopProtocol);
		for (let i = STREAMS; i && !hasPlace; i--)
			hasPlace = await hold("crier " + i, { ifAvailable: true });
		return hasPlace;
	};

	const target = () => {
		const url = new URL(base);

		if (id)
			url.searchParams.set("lastEventId", id);
		if (polls)
			url.searchParams.set("poll", 0);
		return url;
	};

	/*
	 * WHATWG HTML, 9.2.6.  Returns whether the answer has ended as a poll, which
	 * has brought all there is, then the position, then when to come again.
	 */
	const read = async (body, signal) => {
		const reader = body.pipeThrough(new TextDecoderStream()).getReader();
		let rest = "";
		let wasCr;
		let type = "";
		let data = "";
		let last = id;
		let has;
		let hasId;
		let whole;

		for (;;) {
			const { value, done } = await reader.read();
			const events = [];
			let at = id;

			if (done)
				break;
			later(silence);
			const lines = (rest + (wasCr ? value.replace(/^\n/, "") : value))
			    .split(/\r\n?|\n/);
			wasCr = value.endsWith("\r");
			rest = lines.pop();
			for (const line of lines) {
				const [, field, text] = /^([^:]*):?\x20?([^]*)/.exec(line);

				if (!line) {
					if (data)
						events.push([type || "message", data.slice(0, -1), last, has]);
					type = data = "";
					has = false;
					at = last;
				} else if (field === "data") {
					data += text + "\n";
					hasId = whole = false;
				} else if (field === "event")
					type = text;
				else if (field === "id" && !text.includes("\0")) {
					last = text;
					has = hasId = true;
				} else if (field === "retry" && /^\d+$/.test(text)) {
					retry = +text;
					whole = hasId;
				}
			}
			hand(events);
			if (signal.aborted)
				break;
			if (events[0] || at !== id) {
				id = at;
				tell(events);
			}
		}
		if (whole) {
			id = last;
			newest = age(id);
		}
		return whole;
	};

	/* What makes streams differ is in the name; where one begins does not. */

	const { share = !options.method } = options;
	if (share && locks) {
		const key = new URL(base);
		for (const position of ["lastEventId", "since", "last"])
			key.searchParams.delete(position);
		name = "crier " + [share, source.withCredentials, key];
	}
	const resume = () => life.signal.aborted && start();
	const over = abortController();
	for (const [type, listener] of [["pagehide", pause], ["freeze", pause],
		["pageshow", resume], ["resume", resume], ["visibilitychange", ask]])
		addEventListener(type, listener, { signal: over.signal, capture: true });
	start();
	return () => {
		source.readyState = 2;
		over.abort();
		pause();
	};
};

const STATES = { CONNECTING: 0, OPEN: 1, CLOSED: 2 };

class Crier extends EventTarget {
	readyState = 0;

	constructor(url, options = {}) {
		super();
		this.url = new URL(url, self.document?.baseURI || location).href;
		this.withCredentials = !!options.withCredentials;
		for (const type of ["open", "message", "error", "gap"]) {
			this["on" + type] = null;
			this.addEventListener(type, (e) => this["on" + type]?.(e));
		}
		this.close = follow(Object.assign(this, STATES), options);
	}
}

self.Crier = Object.assign(Crier, STATES);

})();
