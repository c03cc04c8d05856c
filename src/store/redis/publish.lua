#!lua flags=
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- One batch, all of it or nothing.  Event i of it gets the id MS-(N + i).
--
-- KEYS  1 state  2 log  3 the node's token  4 stops
-- ARGV  1 run id  2 seq, which the node counts  3, 4 its position: ms, n
--       5 events  6 the log's entries before this id may go, or ""
--       7 the token's life in ms  8 prefix of channels' lists
--       9 "NODE SEQ"  10 blob  11, 12 buckets of keys: now, before or ""
--       13 a bucket's life in ms  14 rules: "KEEP BYTES MS " ...
--       15 ... offset, own id or "", and key, in turn
-- reply {'OK', ms, n, events}, {'KNOWN', ...}: the same seq came before,
--       {'OLD'}: a later one did, {'DUP', offset, id ...}: keys that are known,
--       {'RUN'}: say hello first, {'LOST'}: the caller has read more than is
--       here; {'OK', ..., why}: it is on the log, but a channel failed, and
--       the floor is behind it
--
-- A Lua error takes nothing back, so all that can fail comes before the first
-- write, and of the writes that first which Redis may refuse.

local KEY_ARGS = 14
local SLICE = 4000 -- unpack() takes at most some 8000

local call, unpack_bytes, pack_bytes = redis.call, struct.unpack, struct.pack
local floor, max = math.floor, math.max

local state = call('HMGET', KEYS[1], 'last', 'run', 'floor', 'aged')
if state[2] ~= ARGV[1] then
	return { 'RUN' }
end

local seq = tonumber(ARGV[2])
local token = call('GET', KEYS[3])
if token then
	local known, kms, kn, count =
	    token:match('^(%d+) (%d+) (%d+) (%d+)$')
	if tonumber(known) == seq then
		return { 'KNOWN', kms, kn, count }
	elseif tonumber(known) > seq then
		return { 'OLD' }
	end
end

local lms, ln = state[1]:match('^(%d+)-(%d+)$')
lms, ln = tonumber(lms), tonumber(ln)
local seen_ms, seen_n = tonumber(ARGV[3]), tonumber(ARGV[4])
if seen_ms > lms or (seen_ms == lms and seen_n > ln) then
	return { 'LOST' }
end

-- Offsets and ids of those events whose key one of the buckets has.
local function find_known()
	local keys, found = {}, { 'DUP' }
	for i = KEY_ARGS + 3, #ARGV, 3 do
		keys[#keys + 1] = ARGV[i]
	end
	for bucket = 11, 12 do
		for first = 1, ARGV[bucket] ~= '' and #keys or 0, SLICE do
			local ids = call('HMGET', ARGV[bucket], unpack(keys,
			    first, math.min(#keys, first + SLICE - 1)))
			for i, id in ipairs(ids) do
				if id then
					local at = KEY_ARGS +
					    3 * (first + i - 2) + 1
					found[#found + 1] = ARGV[at]
					found[#found + 1] = id
				end
			end
		end
	end
	return #found > 1 and found
end

local known = #ARGV > KEY_ARGS and find_known()
if known then
	return known
end

local time = call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local ms, n = now, 0
if now <= lms then
	ms, n = lms, ln + 1
end
local count = tonumber(ARGV[5])
-- tostring() rounds numbers of 10^14 and more.
local ms_text = string.format('%.0f', ms)
local last = string.format('%.0f-%.0f', ms, n + count - 1)
local blob = ARGV[10]
local header = pack_bytes('>I8I4I4I8I4', ms, n, count, lms, ln) .. ARGV[9]

-- Rules, with the strides in which a channel is looked at again.
local rules = {}
for keep, bytes, age in ARGV[14]:gmatch('(%d+) (%d+) (%d+)') do
	keep, bytes, age = tonumber(keep), tonumber(bytes), tonumber(age)
	rules[#rules + 1] = {
		keep = keep, bytes = bytes, age = age,
		keep_stride = max(1, floor(keep / 8)),
		bytes_stride = max(1, floor(bytes / 8)),
		least_life = age + 60000,
		life = age + floor(age / 8) + 60000,
	}
end

local floor_ms, floor_n = state[3]:match('^(%d+)-(%d+)$')
floor_ms, floor_n = tonumber(floor_ms), tonumber(floor_n)
-- Of lists that are not there alone: a shorter age may have let them go.
local aged_ms, aged_n = (state[4] or '0-0'):match('^(%d+)-(%d+)$')
aged_ms, aged_n = tonumber(aged_ms), tonumber(aged_n)
if aged_ms > floor_ms or (aged_ms == floor_ms and aged_n > floor_n) then
	floor_ms, floor_n = aged_ms, aged_n
end

-- What a list that is not there cannot have: all before its age, or the floor.
local function absent_before(rule)
	local age_ms = rule.age > 0 and now - rule.age or 0
	if age_ms > floor_ms then
		return pack_bytes('>I8I4', age_ms, 0)
	end
	return pack_bytes('>I8I4', floor_ms, floor_n)
end

local function trim(list, events, bytes)
	while true do
		local _, _, _, to_events, to_bytes = unpack_bytes(
		    '>I8I4I4I8I8', call('LINDEX', list, 0))
		if to_events > events and to_bytes > bytes then
			break
		end
		call('LPOP', list, 2)
	end
end

-- Each eighth of its age a list's life begins anew, and when the age is another.
local function extend(rule, list)
	local life = call('PTTL', list)
	if rule.age == 0 then
		if life >= 0 then
			call('PERSIST', list)
		end
	elseif life < rule.least_life or life > rule.life then
		call('PEXPIRE', list, string.format('%.0f', rule.life))
	end
end

local function append(rule, list, run, events, offset)
	local newest = call('LINDEX', list, -2)
	local before, had, had_bytes = nil, 0, 0
	if newest then
		local _
		_, _, _, had, had_bytes = unpack_bytes('>I8I4I4I8I8', newest)
		before = newest:sub(1, 12)
	else
		before = absent_before(rule)
	end
	local has, has_bytes = had + events, had_bytes + #run
	call('RPUSH', list, pack_bytes('>I8I4I4I8I8', ms, n + offset, n, has,
	    has_bytes) .. before, run)
	extend(rule, list)
	if (has > rule.keep and floor(had / rule.keep_stride) ~=
	    floor(has / rule.keep_stride)) or
	    (has_bytes > rule.bytes and floor(had_bytes / rule.bytes_stride) ~=
	    floor(has_bytes / rule.bytes_stride)) then
		trim(list, has - rule.keep, has_bytes - rule.bytes)
	end
end

local function append_all()
	local at = 1
	local has_stops = call('ZCOUNT', KEYS[4], '-inf', '+inf') > 0
	while at <= #blob do
		local rule, name_len, run_len, events, offset =
		    unpack_bytes('>I2I2I4I4I4', blob, at)
		local name_at = at + 16
		local run_at = name_at + name_len
		at = run_at + run_len
		if rules[rule] then
			local name = blob:sub(name_at, run_at - 1)
			append(rules[rule], ARGV[8] .. name,
			    blob:sub(run_at, at - 1), events, offset)
			-- Whose stop is lifted is not stopped by a hello.
			if has_stops then
				call('ZREM', KEYS[4], 'c:' .. name)
			end
		end
	end
end

local function add_keys()
	local pairs_of = {}
	for i = KEY_ARGS + 1, #ARGV, 3 do
		pairs_of[#pairs_of + 1] = ARGV[i + 2]
		pairs_of[#pairs_of + 1] = ARGV[i + 1] ~= '' and ARGV[i + 1] or
		    ms_text .. '-' ..
		    string.format('%.0f', n + tonumber(ARGV[i]))
	end
	for first = 1, #pairs_of, SLICE do
		call('HSET', ARGV[11], unpack(pairs_of, first,
		    math.min(#pairs_of, first + SLICE - 1)))
	end
	call('PEXPIRE', ARGV[11], ARGV[13])
end

-- A channel that failed has a hole that its own headers do not tell.
local function raise_floor()
	local id = string.format('%.0f-%.0f', ms, n + count)
	call('XADD', KEYS[2], id, 'b', pack_bytes('>I8I4I4I8I4', ms, n + count,
	    0, ms, n + count - 1), 'd', 'floor ' .. id)
	call('HSET', KEYS[1], 'last', id, 'floor', id)
end

-- From here on it writes.
if ARGV[6] ~= '' then
	call('XADD', KEYS[2], 'MINID', '~', ARGV[6], last, 'b', header, 'd',
	    blob)
else
	call('XADD', KEYS[2], last, 'b', header, 'd', blob)
end
call('HSET', KEYS[1], 'last', last)
call('SET', KEYS[3], string.format('%.0f %.0f %.0f %.0f', seq, ms, n, count),
    'PX', ARGV[7])
if #ARGV > KEY_ARGS then
	add_keys()
end
local reply = { 'OK', ms_text, string.format('%.0f', n), ARGV[5] }
local is_whole, why = pcall(append_all)
if not is_whole then
	reply[5] = type(why) == 'table' and why.err or tostring(why)
	redis.log(redis.LOG_WARNING, 'crier: a channel failed: ' .. reply[5])
	raise_floor()
end
return reply
