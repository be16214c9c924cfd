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

-- A feed that is complete for no id yet ends with `-` and a number above all ids, another one for each builder.
local function is_building(tail)
  return #tail == 20 and string.sub(tail, 2) > '9223372032559808512'
end

-- Whether an id belongs before what stands at the tail of a feed: `0`, or `-` and the id from which it is complete.
local function above(id, tail)
  return string.byte(tail) ~= 45 or is_building(tail) or not newer(string.sub(tail, 2), id)
end

-- What stands at a place of a list, and whether that is a newer photo.
local function look(list, at, id)
  local entry = redis.call('LINDEX', list, at)
  return entry, entry and newer(entry, id) and string.byte(entry) ~= 45
end

-- What stands in a list, newest first, where an id belongs: mostly near the head, so from there ever further, then by
-- halves. False: it belongs at the end.
local function not_newer(list, id)
  local before, at = -1, 0
  local entry, is_newer = look(list, at, id)
  while is_newer do
    before, at = at, 2 * at + 1
    entry, is_newer = look(list, at, id)
  end
  while at - before > 1 do
    local middle = math.floor((before + at) / 2)
    local found, stands_before = look(list, middle, id)
    if stands_before then before = middle else at, entry = middle, found end
  end
  return entry
end

-- Puts an id at its place in a list that is newest first; does nothing where it stands already, nor where the list is
-- not complete. Gives the list's length when it grew.
local function insert(list, id)
  local entry = not_newer(list, id)
  if not entry then return redis.call('RPUSH', list, id) end
  if entry == id or not above(id, entry) then return 0 end
  return redis.call('LINSERT', list, 'BEFORE', entry, id)
end

-- A feed or an outbox that grows too long ends with the id from which on it is complete; a feed that is built keeps all.
local function trim(list, cap)
  if is_building(redis.call('LINDEX', list, -1)) then return end
  redis.call('LTRIM', list, 0, cap - 1)
  redis.call('RPUSH', list, '-' .. redis.call('LINDEX', list, -1))
end

-- A feed is complete from `floor` on at the earliest. What is older leaves it: the next trim sets its mark at an entry.
local function cut(feed, floor)
  local tail = redis.call('LINDEX', feed, -1)
  if not tail or is_building(tail) or not newer(floor, (string.gsub(tail, '^-', ''))) then return end
  repeat
    redis.call('RPOP', feed)
    local oldest = redis.call('LINDEX', feed, -1)
  until not oldest or not newer(floor, oldest)
  redis.call('RPUSH', feed, '-' .. floor)
end

-- Keeps the smallest id that was ever put there: partitions come in any order, and the answer may not depend on it.
local function claim(key, id)
  local found = redis.call('GET', key)
  if not found or newer(found, id) then redis.call('SET', key, id) end
end

-- Somebody follows: who builds their feed meanwhile may not know, and begins again.
local function unsettle(feed)
  local tail = redis.call('LINDEX', feed, -1)
  if tail and is_building(tail) then redis.call('LSET', feed, -1, '-9223372036854775807') end
end

-- Somebody has read as far as an item stands in an order: marks from several devices merge by the furthest.
local function mark(marks, order, item, reader)
  local at = redis.call('ZSCORE', order, item)
  if at then redis.call('ZADD', marks, 'GT', at, reader) end
end

-- Fields of a hash, unless it has one that says that what it told is gone for good.
local function note(hash, unless, ...)
  if redis.call('HEXISTS', hash, unless) == 0 then redis.call('HSET', hash, ...) end
end

local function size(key)
  return redis.call(redis.call('TYPE', key).ok == 'zset' and 'ZCARD' or 'SCARD', key)
end

-- A field of a hash says how many stand in a set, or how many more than in another. It is counted, not added up: once
-- more gives the same.
local function tally(keys, hash, words)
  local count = size(keys[tonumber(words[1])])
  if #words == 3 then count = math.max(0, count - size(keys[tonumber(words[2])])) end
  redis.call('HSET', hash, words[#words], count)
end

-- One command of a change; CLAIM, CUT, MARK, NOTE, TALLY and UNSETTLE are ours, the others are the server's.
local function change(keys, command, key, ...)
  if command == 'MARK' then return mark(key, keys[tonumber((...))], select(2, ...)) end
  if command == 'TALLY' then return tally(keys, key, { ... }) end
  if command == 'CLAIM' then return claim(key, ...) end
  if command == 'CUT' then return cut(key, ...) end
  if command == 'NOTE' then return note(key, ...) end
  if command == 'UNSETTLE' then return unsettle(key) end
  redis.call(command, key, ...)
end

-- keys: watermark, then the keys that changes name by their index.
-- args: per record `topic:partition`, offset, whether it moves the watermark, number of changes; per change its
-- command, key index, number of words, words (the first of MARK and all but the last of TALLY are key indexes, too).
-- Gives how many of the records were new.
local function apply(keys, args)
  local at, applied = 1, 0
  while at <= #args do
    local field, offset, moves, changes = args[at], args[at + 1], args[at + 2], tonumber(args[at + 3])
    local new = not past(keys[1], field, offset)
    at = at + 4
    for _ = 1, changes do
      local words = tonumber(args[at + 2])
      if new then change(keys, args[at], keys[tonumber(args[at + 1])], unpack(args, at + 3, at + 2 + words)) end
      at = at + 3 + words
    end
    if new then applied = applied + 1 end
    if new and moves == '1' then redis.call('HSET', keys[1], field, offset) end
  end
  return applied
end

-- keys: watermark, outbox, pulled authors. args: `topic:partition`, offset, photo, cap, slack, author. Never moves the
-- watermark: deliveries follow. Gives 0 when the record is done, 1 when the author is pushed, 2 when pulled.
local function publish(keys, args)
  if past(keys[1], args[1], args[2]) then return 0 end
  if insert(keys[2], args[3]) > args[4] + args[5] then trim(keys[2], args[4]) end
  return 1 + redis.call('SISMEMBER', keys[3], args[6])
end

-- Sealed photos whose second has come stand last before the tail of their list.
local function promote(feed, sealed, now)
  local oldest = redis.call('LINDEX', sealed, -2)
  while oldest and newer(now, oldest) do
    insert(feed, oldest)
    redis.call('LREM', sealed, -1, oldest)
    oldest = redis.call('LINDEX', sealed, -2)
  end
end

local function begin(feed, sealed, tail)
  if redis.call('EXISTS', feed, sealed) == 2 then return end
  redis.call('DEL', feed, sealed)
  redis.call('RPUSH', feed, tail)
  redis.call('RPUSH', sealed, SENTINEL)
end

-- keys: watermark, feed, sealed list, readers by when they opened. args: `topic:partition`, offset, reader, second.
-- Never moves the watermark: a backfill follows. The reader is new, so nothing can be missing.
local function make(keys, args)
  if past(keys[1], args[1], args[2]) then return 0 end
  begin(keys[2], keys[3], SENTINEL)
  redis.call('ZADD', keys[4], 'NX', args[4], args[3])
  return 1
end

-- Puts photos, oldest first, into the list of one reader, whose head is known; mostly there. Gives its length if it grew.
local function give(list, head, args, from)
  local call, length = redis.call, 0
  for j = from, #args do
    local id = args[j]
    if (#id == #head and id > head) or #id > #head then
      length, head = call('LPUSH', list, id), id
    elseif id ~= head then
      length = math.max(length, insert(list, id))
    end
  end
  return length
end

-- keys: watermark, followers of the author, then the feed of each reader; with its sealed list when those are meant.
-- args: `topic:partition`, offset, whether it moves the watermark, first id that is not revealed when sealed lists are
-- meant, else empty, cap, cap and slack, how many followers there must be or -1, number of readers, readers, photos
-- (oldest first). Who no longer follows gets nothing; nor does a feed that is not there. Gives how many feeds there
-- were, -1 when the record is done, -2, having done nothing, when the followers are not those.
local function deliver(keys, args)
  if past(keys[1], args[1], args[2]) then return -1 end
  local call, now, cap, full, readers, reached = redis.call, args[4], args[5], tonumber(args[6]), tonumber(args[8]), 0
  local follows = call('SMISMEMBER', keys[2], unpack(args, 9, 8 + readers))
  if args[7] ~= '-1' then
    if call('SCARD', keys[2]) ~= tonumber(args[7]) then return -2 end
    for i = 1, readers do if follows[i] == 0 then return -2 end end
  end
  local first, width = 9 + readers, now == '' and 1 or 2
  for i = 1, readers do
    local feed = keys[3 + (i - 1) * width]
    local head = follows[i] == 1 and call('LINDEX', feed, 0)
    if head and now == '' then
      reached = reached + 1
      if give(feed, head, args, first) > full then trim(feed, cap) end
    elseif head then
      local sealed = keys[2 + i * width]
      head = call('LINDEX', sealed, 0)
      if head then
        reached = reached + 1
        give(sealed, head, args, first)
        promote(feed, sealed, now)
      end
    end
  end
  if args[3] == '1' then redis.call('HSET', keys[1], args[1], args[2]) end
  return reached
end

-- keys: set. args: SADD or SREM, member.
local function member(keys, args)
  return redis.call(args[1], keys[1], args[2])
end

-- keys: feed, sealed list. args: tail of this builder. What is not there, or not finished, is this builder's now.
-- Gives whether there is something to build.
local function build(keys, args)
  begin(keys[1], keys[2], args[1])
  if not is_building(redis.call('LINDEX', keys[1], -1)) then return 0 end
  redis.call('LSET', keys[1], -1, args[1])
  return 1
end

-- keys: feed, sealed list, cold readers. args: tail of the builder, tail, first id that is not revealed, reader, photos
-- (oldest first). The feed is complete from the tail on, unless someone else builds it. Gives whether it is.
local function built(keys, args)
  if redis.call('LINDEX', keys[1], -1) ~= args[1] or redis.call('EXISTS', keys[2]) == 0 then return 0 end
  for j = 5, #args do insert(newer(args[3], args[j]) and keys[1] or keys[2], args[j]) end
  redis.call('LSET', keys[1], -1, SENTINEL)
  if args[2] ~= SENTINEL then cut(keys[1], string.sub(args[2], 2)) end
  redis.call('SREM', keys[3], args[4])
  return 1
end

-- keys: readers by when they opened, cold readers. args: second, how many. Who has not opened since; who is cold.
local function due(keys, args)
  local idle = redis.call('ZRANGEBYSCORE', keys[1], '-inf', args[1], 'LIMIT', 0, args[2])
  return { idle, redis.call('SRANDMEMBER', keys[2], args[2]) }
end

-- keys: readers by when they opened, feed, sealed list. args: second, reader. Gives whether the feed was dropped.
local function drop(keys, args)
  local opened = redis.call('ZSCORE', keys[1], args[2])
  if not opened or tonumber(opened) > tonumber(args[1]) then return 0 end
  redis.call('DEL', keys[2], keys[3])
  return redis.call('ZREM', keys[1], args[2])
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

-- A bucket that moves to another server is not changed here any more. keys: one of its watermarks comes first.
local function fenced(keys)
  return redis.call('HEXISTS', keys[1], 'moved') == 1
end

local GONE = 'GONE this bucket moves, or has moved, to another server'

-- For functions whose first key is the watermark that guards them.
local function guarded(work)
  return function(keys, args)
    if fenced(keys) then return redis.error_reply(GONE) end
    return work(keys, args)
  end
end

-- For those that no record guards: the watermark comes before their own keys.
local function tended(work)
  return function(keys, args)
    if fenced(keys) then return redis.error_reply(GONE) end
    return work({ unpack(keys, 2) }, args)
  end
end

redis.register_function('apply_VERSION', guarded(apply))
redis.register_function('publish_VERSION', guarded(publish))
redis.register_function('make_VERSION', guarded(make))
redis.register_function('deliver_VERSION', guarded(deliver))
redis.register_function('member_VERSION', tended(member))
redis.register_function('build_VERSION', tended(build))
redis.register_function('built_VERSION', tended(built))
redis.register_function('due_VERSION', tended(due))
redis.register_function('drop_VERSION', tended(drop))
redis.register_function('advance_VERSION', advance)
