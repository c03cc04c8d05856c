#!lua flags=
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- A name that one node has at a time.  That of a node that is gone is another's
-- by beat.lua, and no newcomer's before that one has left it.
--
-- KEYS  1 claims
-- ARGV  1 the node  2 the name  3 '1': it wants the name, '0': no more
-- reply {'OK'}: done, {'TAKEN', node}: that has it, {'FULL'}: there are too many

local CLAIMS = 4096

local owner = redis.call('HGET', KEYS[1], ARGV[2])
local heir = owner and owner:match('^>(%S+) ')
if ARGV[3] == '0' then
	if (heir or owner) == ARGV[1] then
		redis.call('HDEL', KEYS[1], ARGV[2])
	end
	return { 'OK' }
end
if owner and owner ~= ARGV[1] then
	return { 'TAKEN', heir or owner }
end
if not owner and redis.call('HLEN', KEYS[1]) >= CLAIMS then
	return { 'FULL' }
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1])
return { 'OK' }
