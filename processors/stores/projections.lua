#!lua name=darkroom_VERSION
-- What must happen in one piece inside one slot. The keys and arguments of each function are made in `calls.py`.
--
-- Every change of a bucket carries the position of its record and is skipped when the bucket's watermark has reached
-- it, so a second delivery and a worker that thaws late change nothing. Ids are text: a Lua number keeps 53 bits only.

local SENTINEL = '0'

local function past(watermark, field, offset)
  local applied = redis.call('HGET', watermark, field)
  return applied and tonumber(applied) >= tonumber(offset)
end

-- Ids are decimals without leading zeros: the longer one is greater, then text order decides.
local function newer(a, b)
  if #a ~= #b then return #a > #b end
  return a > b
end

-- Puts an id at its place in a list that is newest first; does nothing where it stands already. Most ids belong at
-- the head, so that is looked at alone first.
local function insert(list, id)
  local from, width = 0, 1
  while true do
    local found = redis.call('LRANGE', list, from, from + width - 1)
    for i, entry in ipairs(found) do
      if entry == id then return end
      if newer(id, entry) then
        if from + i == 1 then redis.call('LPUSH', list, id) else redis.call('LINSERT', list, 'BEFORE', entry, id) end
        return
      end
    end
    if #found < width then redis.call('RPUSH', list, id) return end
    from, width = from + width, 16
  end
end

-- Keeps the smallest id that was ever put there: partitions come in any order, and the answer may not depend on it.
local function claim(key, id)
  local found = redis.call('GET', key)
  if not found or newer(found, id) then redis.call('SET', key, id) end
end

-- One command of a change; CLAIM is ours, the others are the server's.
local function change(command, key, ...)
  if command == 'CLAIM' then claim(key, ...) else redis.call(command, key, ...) end
end

-- keys: watermark, then the keys that changes name by their index.
-- args: per record `topic:partition`, offset, whether it moves the watermark, number of changes; per change its
-- command, key index, number of words, words. Gives how many of the records were new.
local function apply(keys, args)
  local at, applied = 1, 0
  while at <= #args do
    local field, offset, moves, changes = args[at], args[at + 1], args[at + 2], tonumber(args[at + 3])
    local new = not past(keys[1], field, offset)
    at = at + 4
    for _ = 1, changes do
      local words = tonumber(args[at + 2])
      if new then change(args[at], keys[tonumber(args[at + 1])], unpack(args, at + 3, at + 2 + words)) end
      at = at + 3 + words
    end
    if new then applied = applied + 1 end
    if new and moves == '1' then redis.call('HSET', keys[1], field, offset) end
  end
  return applied
end

-- keys: watermark, outbox. args: `topic:partition`, offset, photo, cap, slack. Never moves the watermark: deliveries
-- follow. Gives 0 when the record is done.
local function publish(keys, args)
  if past(keys[1], args[1], args[2]) then return 0 end
  insert(keys[2], args[3])
  if redis.call('LLEN', keys[2]) > args[4] + args[5] then redis.call('LTRIM', keys[2], 0, args[4] - 1) end
  return 1
end

-- Sealed photos whose second has come stand at the tail of their list.
local function promote(feed, sealed, now)
  local oldest = redis.call('LINDEX', sealed, -1)
  while oldest and newer(now, oldest) do
    insert(feed, oldest)
    redis.call('RPOP', sealed)
    oldest = redis.call('LINDEX', sealed, -1)
  end
end

local function trim(feed, cap, slack)
  if redis.call('LLEN', feed) > cap + slack + 1 then
    redis.call('LTRIM', feed, 0, cap - 1)
    redis.call('RPUSH', feed, SENTINEL)
  end
end

-- keys: watermark, feed. args: `topic:partition`, offset. Never moves the watermark: a backfill follows.
local function make(keys, args)
  if past(keys[1], args[1], args[2]) then return 0 end
  if redis.call('EXISTS', keys[2]) == 0 then redis.call('RPUSH', keys[2], SENTINEL) end
  return 1
end

-- keys: watermark, followers of the author, then feed and sealed list of each reader.
-- args: `topic:partition`, offset, whether it moves the watermark, first id that is not revealed, cap, slack, number
-- of readers, readers, photos. A reader who no longer follows gets nothing; nor does a feed that is not there.
local function deliver(keys, args)
  if past(keys[1], args[1], args[2]) then return 0 end
  local now, cap, slack, readers = args[4], tonumber(args[5]), tonumber(args[6]), tonumber(args[7])
  local follows = redis.call('SMISMEMBER', keys[2], unpack(args, 8, 7 + readers))
  for i = 1, readers do
    local feed, sealed = keys[1 + 2 * i], keys[2 + 2 * i]
    if follows[i] == 1 and redis.call('EXISTS', feed) == 1 then
      for j = 8 + readers, #args do insert(newer(now, args[j]) and feed or sealed, args[j]) end
      promote(feed, sealed, now)
      trim(feed, cap, slack)
    end
  end
  if args[3] == '1' then redis.call('HSET', keys[1], args[1], args[2]) end
  return 1
end

-- keys: progress. args: per partition `topic:partition`, next offset as it was before this batch, next offset now.
-- Never backwards. Gives 0, and does nothing, when less is remembered than was there before.
local function advance(keys, args)
  for at = 1, #args, 3 do
    if tonumber(redis.call('HGET', keys[1], args[at]) or 0) < tonumber(args[at + 1]) then return 0 end
  end
  for at = 1, #args, 3 do
    if tonumber(redis.call('HGET', keys[1], args[at]) or 0) < tonumber(args[at + 2]) then
      redis.call('HSET', keys[1], args[at], args[at + 2])
    end
  end
  return 1
end

redis.register_function('apply_VERSION', apply)
redis.register_function('publish_VERSION', publish)
redis.register_function('make_VERSION', make)
redis.register_function('deliver_VERSION', deliver)
redis.register_function('advance_VERSION', advance)
