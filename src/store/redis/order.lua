#!lua flags=
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- What one node has done and all others are to do, at its place in the log.
--
-- KEYS  1 state  2 log  3 stops
-- ARGV  1 run id  2 the order  3 who is stopped, or ""  4 for so many ms
-- reply {'OK'}, {'RUN'}: say hello first
--
-- Nodes that start before the stop is over find it in the stops.

local state = redis.call('HMGET', KEYS[1], 'last', 'run')
if state[2] ~= ARGV[1] then
	return { 'RUN' }
end

local lms, ln = state[1]:match('^(%d+)-(%d+)$')
lms, ln = tonumber(lms), tonumber(ln)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ms, n = now, 0
if now <= lms then
	ms, n = lms, ln + 1
end

local id = string.format('%.0f-%.0f', ms, n)
local header = struct.pack('>I8I4I4I8I4', ms, n, 0, lms, ln)
redis.call('XADD', KEYS[2], id, 'b', header, 'd', ARGV[2])
redis.call('HSET', KEYS[1], 'last', id)
if ARGV[3] ~= '' then
	redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
	redis.call('ZADD', KEYS[3], now + tonumber(ARGV[4]), ARGV[3])
end
return { 'OK' }
