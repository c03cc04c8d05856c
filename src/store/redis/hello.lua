#!lua flags=
-- SPDX-License-Identifier: BSD-2-Clause
-- Copyright (c) 2026 The crier authors
--
-- A node comes, or comes back: what of its position still holds?
--
-- KEYS  1 state  2 log  3 nodes
-- ARGV  1 the server's run id  2, 3 the node's position: ms, n (0 0: none)
--       4 the header of the entry there, or ""  5 node  6 margin in ms
--       7 keys that the server has evicted since its start
--       8 another number if the ages of the node's channels are others
-- reply {floor, last, lost, away, cuts, aged}: ids, 0 or 1 twice, "FROM:TO " of
--       each cut, an id
--
-- Another run id means that the server was started again, or is another one: its
-- log may have lost its end.  Then the ids from `last` to a new one are a cut:
-- nothing that is valid has such an id.  The new one is greater than the clock,
-- the log and the node's position, and by the margin greater still, for other
-- nodes may have read further than this one of what is gone.
-- Evicted keys may have been history: that is a loss whose place nobody knows.
-- A list lives as long as its channel's age was when it was written.  So when
-- ages are others, a list that is not there may have been one up to now.

local CUTS = 32 -- so many are remembered

local function split(id)
	local ms, n = id:match('^(%d+)-(%d+)$')
	return tonumber(ms), tonumber(n)
end

local function is_less(ams, an, bms, bn)
	return ams < bms or (ams == bms and an < bn)
end

-- tostring() rounds numbers of 10^14 and more.
local function join(ms, n)
	return string.format('%.0f-%.0f', ms, n)
end

local function is_in_cut(cuts, ms, n)
	for from, to in cuts:gmatch('(%d+%-%d+):(%d+%-%d+) ') do
		local fms, fn = split(from)
		local tms, tn = split(to)
		if is_less(fms, fn, ms, n) and is_less(ms, n, tms, tn) then
			return true
		end
	end
	return false
end

local state = redis.call('HMGET', KEYS[1], 'last', 'run', 'floor', 'cuts',
    'evicted', 'ages', 'aged')
local lms, ln = split(state[1] or '0-0')
local fms, fn = split(state[3] or '0-0')
local cuts = state[4] or ''
local ms, n = tonumber(ARGV[2]), tonumber(ARGV[3])
local margin = tonumber(ARGV[6])
local evicted = tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Lost: what the node has read is not in this log.  Away: its position was
-- trimmed, and what followed can only be read in the channels.
local function judge()
	if ms == 0 then
		return false, false
	end
	if is_less(lms, ln, ms, n) then
		return true, false
	end
	local id = join(ms, n)
	local entry = redis.call('XRANGE', KEYS[2], id, id, 'COUNT', 1)[1]
	if entry then
		return ARGV[4] ~= '' and entry[2][2] ~= ARGV[4], false
	end
	if is_in_cut(cuts, ms, n) then
		return true, false
	end
	local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
	if first then
		local tms, tn = split(first[1])
		if is_less(tms, tn, ms, n) then
			return true, false
		end
	end
	return false, true
end

local is_new_run = state[2] ~= ARGV[1]
-- A server counts from 0 on; what it dropped before all began was not ours.
local is_evicted = state[1] and
    evicted > (is_new_run and 0 or tonumber(state[5] or '0'))

local lost, away = judge()
-- Another node may have found the same loss: one floor is enough.
local covered = lost and is_less(ms, n, fms, fn)
-- Where nothing was, nobody has read anything.
local is_first = not state[1] and ms == 0

if is_new_run or (lost and not covered) or not state[1] or is_evicted then
	local ems = math.max(now, lms, ms) +
	    ((is_new_run or lost) and not is_first and margin or 0)
	local en = 0
	if not is_less(lms, ln, ems, en) then
		en = ln + 1
	end
	if not is_less(ms, n, ems, en) then
		en = n + 1
	end
	if is_new_run and state[1] then
		cuts = join(lms, ln) .. ':' .. join(ems, en) .. ' ' .. cuts
		local kept = 0
		cuts = cuts:gsub('%S+ ', function()
			kept = kept + 1
			return kept > CUTS and '' or nil
		end)
	end
	if (lost and not covered) or not state[1] or is_evicted then
		fms, fn = ems, en
	end
	-- All nodes learn of it at its place in the log.
	local header = struct.pack('>I8I4I4I8I4', ems, en, 0, lms, ln)
	redis.call('XADD', KEYS[2], join(ems, en), 'b', header, 'd',
	    'floor ' .. join(fms, fn))
	redis.call('HSET', KEYS[1], 'last', join(ems, en), 'run', ARGV[1],
	    'floor', join(fms, fn), 'cuts', cuts, 'version', '1',
	    'evicted', ARGV[7])
	lms, ln = ems, en
end
local aged = state[7] or '0-0'
if state[6] ~= ARGV[8] then
	aged = state[1] and join(lms, ln) or '0-0'
	redis.call('HSET', KEYS[1], 'ages', ARGV[8], 'aged', aged)
end
redis.call('ZADD', KEYS[3], now, ARGV[5])
-- The loss may have been found, and the log begun anew, before this node came.
lost = lost or (ms > 0 and is_less(ms, n, fms, fn))
return { join(fms, fn), join(lms, ln), lost and 1 or 0, away and 1 or 0, cuts,
    aged }
