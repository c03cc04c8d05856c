# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""A proxy before a redis-server that cuts connections where it is told to.

Run as a program it is the proxy (LISTEN UPSTREAM CONTROL, paths of sockets);
Proxy is what a test has of it.  An order is "KIND PART": the next batch, or
answer of the log, is cut there, PART being how much of it comes through:

    before  the batch does not arrive
    within  a part of it does
    after   all of it does, and no reply comes back
    late    the same, but it arrives PART seconds after the cut
    reply   a part of its reply comes back
    log     a part of an answer with entries of the log does
    claim   a claim of a run's channel arrives, and no reply comes back
    ask     a question to all nodes arrives, and no reply comes back

Some cut nothing:

    flush   the next question for a channel's runs comes to a server that was
            emptied just before
    hold    PART of the next batch's reply comes, and the rest behind "go"
    drip    from now on each byte of a reply comes when that before was read
"""

import asyncio
import collections
import fcntl
import json
import os
import socket
import struct
import sys
import termios

KINDS = ("before", "within", "after", "late", "reply", "log")
FLUSH, HOLD, GO, DRIP, ASK = "flush", "hold", "go", "drip", "ask"


class Cutter:
    """The orders that wait, and those that were done."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.orders = {kind: collections.deque()
                       for kind in (*KINDS, "claim", FLUSH, HOLD, GO, DRIP,
                                    ASK)}
        self.done = collections.Counter()
        self.is_free = asyncio.Event()
        self.tasks = set()

    def next(self, kinds):
        for kind in kinds:
            if self.orders[kind]:
                self.done[kind] += 1
                return kind, self.orders[kind].popleft()
        return None, 0

    async def flush(self):
        reader, writer = await asyncio.open_unix_connection(self.upstream)
        writer.write(b"FLUSHALL\r\n")
        await reader.readline()
        writer.close()

    async def serve(self, reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(
                self.upstream)
        except OSError:
            writer.close()
            return
        pair = Pair(self, reader, writer, up_reader, up_writer)
        await asyncio.gather(pair.requests(), pair.replies())

    async def control(self, reader, writer):
        line = (await reader.readline()).split()
        if line:
            self.orders[line[0].decode()].append(float(line[1]))
        if self.orders[GO]:
            self.is_free.set()
        writer.write(json.dumps(self.done).encode())
        writer.close()


class Pair:
    """A connection and the one behind it."""

    def __init__(self, cutter, reader, writer, up_reader, up_writer):
        self.cutter = cutter
        self.reader, self.writer = reader, writer
        self.up_reader, self.up_writer = up_reader, up_writer
        self.reply_part = self.held_part = None
        self.is_cut = False

    def close(self):
        self.writer.close()
        self.up_writer.close()

    async def requests(self):
        try:
            while octets := await self.reader.read(1 << 20):
                if self.is_cut:
                    return
                kind, part = None, 0
                if b"}:b:" in octets:  # a node's token: it is a batch
                    kind, part = self.cutter.next((*KINDS[:5], HOLD))
                elif b"\r\nrun " in octets:
                    kind, part = self.cutter.next(("claim",))
                elif b"\r\nask " in octets:
                    kind, part = self.cutter.next((ASK,))
                elif b"}:c:" in octets and self.cutter.next((FLUSH,))[0]:
                    await self.cutter.flush()
                if kind == "reply":
                    self.reply_part = part
                elif kind == HOLD:
                    self.held_part = part
                elif kind:
                    await self.cut(kind, part, octets)
                    return
                self.up_writer.write(octets)
                await self.up_writer.drain()
        except OSError:
            pass
        finally:
            if not self.is_cut:
                self.close()

    async def cut(self, kind, part, octets):
        self.is_cut = True
        self.writer.close()
        if kind == "late":
            await asyncio.sleep(part)
        if kind == "within":
            octets = octets[:int(part * len(octets))]
        if kind != "before":
            self.up_writer.write(octets)
            await self.up_writer.drain()
            await asyncio.sleep(0.05)
        self.up_writer.close()

    async def answer(self, octets):
        part, self.held_part = self.held_part, None
        if part is not None:
            size = int(part * len(octets))
            await self.drip(octets[:size])
            self.cutter.done["held"] += 1
            await self.cutter.is_free.wait()
            octets = octets[size:]
        if self.cutter.orders[DRIP]:
            await self.drip(octets)
        else:
            self.writer.write(octets)
            await self.writer.drain()

    async def drip(self, octets):
        connection = self.writer.get_extra_info("socket")
        for octet in octets:
            self.writer.write(bytes((octet,)))
            while not self.writer.is_closing() and struct.unpack(
                    "i", fcntl.ioctl(connection, termios.TIOCOUTQ,
                                     b"\0" * 4)) != (0,):
                await asyncio.sleep(0)

    async def replies(self):
        try:
            while octets := await self.up_reader.read(1 << 20):
                if self.is_cut:
                    continue
                part = self.reply_part
                if b"}:log" in octets[:64]:
                    part = self.cutter.next(KINDS[5:])[1] or None
                if part is not None:
                    self.is_cut = True
                    octets = octets[:int(part * len(octets))]
                await self.answer(octets)
                if self.is_cut:
                    break
        except OSError:
            pass
        finally:
            if self.reply_part is not None or not self.is_cut:
                self.close()
            self.writer.close()


class Proxy:
    """The program, started; what connects to .path comes to the server."""

    def __init__(self, place, redis):
        from lib import proc
        self.path = place.path("proxy.sock")
        self.order_path = place.path("proxy.control")
        self.proc = proc.Proc(
            [sys.executable, "-B", os.path.abspath(__file__), self.path,
             redis.path, self.order_path], place.log("proxy.log"))
        place.own(self)
        proc.wait_for(lambda: proc.can_connect(self.order_path), "the proxy")

    def _ask(self, line):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(self.order_path)
            control.sendall(line + b"\n")
            with control.makefile("rb") as answer:
                return json.load(answer)

    def order(self, kind, part=0):
        self._ask(f"{kind} {part}".encode())

    def done(self):
        """How many cuts of each kind there were."""
        return self._ask(b"")

    def destroy(self):
        self.proc.destroy()

    def __str__(self):
        return "a proxy"


async def main(listen, upstream, control):
    cutter = Cutter(upstream)
    servers = [await asyncio.start_unix_server(cutter.serve, listen),
               await asyncio.start_unix_server(cutter.control, control)]
    os.chmod(listen, 0o777)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
