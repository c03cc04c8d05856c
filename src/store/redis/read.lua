#!lua flags=no-writes
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- A channel's runs that have events behind an id, from the first of them on, in
-- one snapshot.
--
-- KEYS  1 the channel's list: header, run, header, run ...  2 state
-- ARGV  1, 2 the id: ms, n  3, 4 runs behind this one are left out: ms, n
--       5 about so many bytes  6 only the last so many events, or ""
--       7 run id  8 floor, as the node knows it
-- reply {'CHANGED'}: say hello first, for the server or the floor is another;
--       nil: there is no list; or {events, bytes, more, before,
--       header, run ...}: events and bytes so far up to the newest run that is
--       not left out; 1 if there are more runs, else 0; the first 12 bytes of what the first run that is
--       behind the id, left out or not, says of the one before it, or ""

local call, unpack_header = redis.call, struct.unpack

-- A list that is not there may be one that was lost since the node knew.
local state = call('HMGET', KEYS[2], 'run', 'floor')
if state[1] ~= ARGV[7] or state[2] ~= ARGV[8] then
	return { 'CHANGED' }
end

local runs = call('LLEN', KEYS[1]) / 2
local SLICE = 8 -- runs that are fetched at once
local BEFORE = 33 -- where a header has the id of the run before

if runs == 0 then
	return false
end

local function header(i)
	return call('LINDEX', KEYS[1], 2 * i)
end

local function is_behind(ms, n)
	return function(i)
		local hms, hn = unpack_header('>I8I4', header(i))
		return hms > ms or (hms == ms and hn > n)
	end
end

-- The first run of which it is true, as it is of all that follow; or `runs`.
-- The usual client missed little: strides from the end that double, and then
-- halves.
local function search(is_true)
	local first, stride = runs, 1
	while first > 0 do
		local i = math.max(0, first - stride)
		if not is_true(i) then
			while first - i > 1 do
				local middle = math.floor((i + first) / 2)
				if is_true(middle) then
					first = middle
				else
					i = middle
				end
			end
			break
		end
		first, stride = i, stride * 2
	end
	return first
end

local first = search(is_behind(tonumber(ARGV[1]), tonumber(ARGV[2])))
local before = first < runs and header(first):sub(BEFORE) or ''
local stop = search(is_behind(tonumber(ARGV[3]), tonumber(ARGV[4])))
local events, all = 0, 0
if stop > 0 then
	local _
	_, _, _, events, all = unpack_header('>I8I4I4I8I8', header(stop - 1))
end
if ARGV[6] ~= '' then
	local from = events - tonumber(ARGV[6])
	first = math.max(first, search(function(i)
		local _, _, _, has = unpack_header('>I8I4I4I8', header(i))
		return has > from
	end))
end

local out, bytes, most = { events, all, 0, before }, 0, tonumber(ARGV[5])
while first < stop and bytes < most do
	local part = call('LRANGE', KEYS[1], 2 * first,
	    2 * math.min(stop, first + SLICE) - 1)
	for i = 1, #part, 2 do
		out[#out + 1] = part[i]
		out[#out + 1] = part[i + 1]
		bytes = bytes + #part[i] + #part[i + 1]
		first = first + 1
		if bytes >= most then
			break
		end
	end
end
out[3] = first < stop and 1 or 0
return out
