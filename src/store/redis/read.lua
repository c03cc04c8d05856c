#!lua flags=no-writes
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- A channel's runs that have events behind an id, from the first of them on.
--
-- KEYS  1 the channel's list: header, run, header, run ...
-- ARGV  1, 2 the id: ms, n  3 about so many bytes
-- reply nil: there is no list; or headers and runs, in one snapshot

local call, unpack_header = redis.call, struct.unpack
local ms, n, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local runs = call('LLEN', KEYS[1]) / 2
local SLICE = 8 -- runs that are fetched at once

if runs == 0 then
	return false
end

local function is_behind(i)
	local hms, hn = unpack_header('>I8I4', call('LINDEX', KEYS[1], 2 * i))
	return hms > ms or (hms == ms and hn > n)
end

-- The usual client missed little: strides from the end that double, and then
-- halves.  At the end, `first` is the first run that is behind the id.
local first, stride = runs, 1
while first > 0 do
	local i = math.max(0, first - stride)
	if not is_behind(i) then
		while first - i > 1 do
			local middle = math.floor((i + first) / 2)
			if is_behind(middle) then
				first = middle
			else
				i = middle
			end
		end
		break
	end
	first, stride = i, stride * 2
end

local out, bytes = {}, 0
while first < runs and bytes < most do
	local part = call('LRANGE', KEYS[1], 2 * first,
	    2 * (first + SLICE) - 1)
	for i = 1, #part, 2 do
		out[#out + 1] = part[i]
		out[#out + 1] = part[i + 1]
		bytes = bytes + #part[i] + #part[i + 1]
		if bytes >= most then
			break
		end
	end
	first = first + SLICE
end
return out
