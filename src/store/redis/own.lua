#!lua flags=no-writes
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- A channel's newest event that has a publisher's own id.
--
-- KEYS  1 the channel's list: header, run, header, run ...
-- ARGV  1 the own id
-- reply {ms, n}, or nil: there is none

local own = ARGV[1]
local unpack_bytes = struct.unpack
local SLICE = 8 -- runs that are fetched at once

-- How far into its batch the run's newest event with this id is, or nil.
local function find(run)
	local at, found = 1, nil
	while at <= #run do
		local offset, _, own_len, len = unpack_bytes('>I4I8I2I4', run,
		    at)
		-- The record begins with "id: ".
		if own_len == #own and
		    run:sub(at + 22, at + 21 + own_len) == own then
			found = offset
		end
		at = at + 18 + len
	end
	return found
end

local last = redis.call('LLEN', KEYS[1])
while last > 0 do
	local first = math.max(0, last - 2 * SLICE)
	local part = redis.call('LRANGE', KEYS[1], first, last - 1)
	for i = #part - 1, 1, -2 do
		local hms, _, base = unpack_bytes('>I8I4I4', part[i])
		local offset = part[i + 1]:find(own, 1, true) and
		    find(part[i + 1])
		if offset then
			return { string.format('%.0f', hms),
			    string.format('%.0f', base + offset) }
		end
	end
	last = first
end
return false
