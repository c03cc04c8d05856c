#!lua flags=allow-oom
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- A node says that it is there, and hears who else is.
--
-- KEYS  1 nodes  2 what they said  3 claims
-- ARGV  1 the node  2 what it says of itself
--       3 a node that said nothing for so many ms is gone
-- reply {1 if it was not there, else 0,
--       name, ms since it said so, what it said, ...}; -1 ms: it is gone, which
--       is told to one node alone; -2 ms: of its claims this one is the node's
--       now, which is gone

local GONE, NODES = 64, 1024

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])

local reply = { redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) }
local function add(name, ms)
	reply[#reply + 1] = name
	reply[#reply + 1] = ms
	reply[#reply + 1] = redis.call('HGET', KEYS[2], name) or ''
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf',
    string.format('(%.0f', now - tonumber(ARGV[3])), 'LIMIT', 0, GONE)) do
	add(name, -1)
	redis.call('ZREM', KEYS[1], name)
	redis.call('HDEL', KEYS[2], name)
end
local there = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '+inf',
    'WITHSCORES', 'LIMIT', 0, NODES)
for i = 1, #there, 2 do
	add(there[i], math.max(0, now - tonumber(there[i + 1])))
end

-- A claim's owner that is not there: one node has it from now on, as
-- ">HEIR OWNER".  The heir is told until it leaves the name: a reply may be lost.
local claims = redis.call('HGETALL', KEYS[3])
for i = 1, #claims, 2 do
	local heir, owner = claims[i + 1]:match('^>(%S+) (%S+)$')
	owner = owner or claims[i + 1]
	if not redis.call('ZSCORE', KEYS[1], heir or owner) then
		heir = ARGV[1]
		redis.call('HSET', KEYS[3], claims[i],
		    '>' .. heir .. ' ' .. owner)
	end
	if heir == ARGV[1] then
		reply[#reply + 1] = owner
		reply[#reply + 1] = -2
		reply[#reply + 1] = claims[i]
	end
end
return reply
