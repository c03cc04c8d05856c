#!lua flags=
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- What one node asks all nodes, or has them do, at its place in the log.
--
-- KEYS  1 state  2 log  3 stops  4 nodes  5 the asking node's number
-- ARGV  1 run id  2 the entry  3 a node that said nothing for so many ms is gone
--       4 for so many ms  5 the log's entries before these ms may go  6 its
--       number, which the node counts  7 the life in ms of that
--       8 ... these are stopped
-- reply {'OK', node ...}: who is there; if the same number came before, nothing
--       else is done; {'OLD'}: a later one did, {'RUN'}: say hello first
--
-- Nodes that start before the stop is over find it in the stops.

local STOPPED = 8 -- the first argument of these
local NODES = 1024

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

local number = tonumber(ARGV[6])
local known = tonumber(redis.call('GET', KEYS[5]) or '0')
if known > number then
	return { 'OLD' }
end

local function put()
	local id = string.format('%.0f-%.0f', ms, n)
	local header = struct.pack('>I8I4I4I8I4', ms, n, 0, lms, ln)
	redis.call('XADD', KEYS[2], 'MINID', '~', ARGV[5], id, 'b', header, 'd',
	    ARGV[2])
	redis.call('HSET', KEYS[1], 'last', id)
	redis.call('SET', KEYS[5], ARGV[6], 'PX', ARGV[7])
	if #ARGV >= STOPPED then
		redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
	end
	for i = STOPPED, #ARGV do
		redis.call('ZADD', KEYS[3], now + tonumber(ARGV[4]), ARGV[i])
	end
end

if known < number then
	put()
end
local reply = { 'OK' }
for i, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4],
    now - tonumber(ARGV[3]), '+inf', 'LIMIT', 0, NODES)) do
	reply[i + 1] = node
end
return reply
