/**
 * The keys of the Redis store, all under `kickoff:`. Scripts make key names from ids, so this is for one primary with replicas, not for
 * Redis Cluster. Outcomes are opaque texts in Lua: cjson would turn empty arrays into objects and round numbers.
 *
 * | key                     | type   | holds                                                                      | ends              |
 * | ----------------------- | ------ | -------------------------------------------------------------------------- | ----------------- |
 * | `job:<id>`              | hash   | `l` list, `n` size, `o` open, `r` reply channel, `b` body, `a` attempts,   | never while open; |
 * |                         |        | place (`s` of a single one) -> result, `k<place>` -> the flight it leads   | then `result`     |
 * | `pending`               | zset   | open jobs by deadline                                                      | with the last job |
 * | `ids:<n>`               | set    | ids given in one slice of time: they stay known                            | `id`              |
 * | `prediction:<hash>`     | string | a result by the hash of its cache key                                      | `prediction`      |
 * | `flight:<hash>`         | string | expiry, job and place of the request in flight for a fixture               | 2 × `flight`      |
 * | `followers:<job>:<place>` | list | who joined that request                                                    | an hour: then the |
 * |                         |        |                                                                            | sweep finds them  |
 * | `models`                | hash   | short id -> model                                                          | `id` after use    |
 * | `counts`                | hash   | what `audit` prints: five numbers                                          | never             |
 * | `claim:<key>`           | string | an idempotency key's claim                                                 | `claim`           |
 * | `dead-letter:<id>`      | string | a dead letter                                                              | `deadLetter`      |
 * | `dead-letters`          | zset   | their ids by expiry                                                        | with the last one |
 * | `ping`                  | string | proof that writes are taken                                                | a second          |
 * | `reply:<channel>`       | pub/sub | lines of `<request id>\t<result>`                                         |                   |
 *
 * A *result* is `<0|1: from the cache><12 characters of the model's id, or -><text>`.
 */
const prelude = `
local at = 0
local function arg() at = at + 1; return ARGV[at] end
local function num() return tonumber(arg()) end
local call = redis.call
local P = 'kickoff:'
local function requestId(job, field) if field == 's' then return job end return job .. '.' .. field end
local counts = {accepted = 0, done = 0, failed = 0, duplicates = 0}
local function count(name, by) counts[name] = counts[name] + by end
local function saveCounts()
  for name, by in pairs(counts) do if by > 0 then call('HINCRBY', P .. 'counts', name, by) end end
end
local function remember(id, ids, ttl)
  if call('SADD', ids, id) == 1 and call('PTTL', ids) < 0 then call('PEXPIRE', ids, ttl) end
end
`;

const settling = `
local jobs, order, lines = {}, {}, {}
local function job(id)
  local known = jobs[id]
  if known == nil then
    local row = call('HMGET', P .. 'job:' .. id, 'l', 'n', 'o', 'r')
    known = row[1] and {id = id, list = row[1] == '1', size = tonumber(row[2]), open = tonumber(row[3]), replyTo = row[4]} or false
    jobs[id] = known
  end
  return known
end
local function settle(known, field, result, status, replyTo)
  if call('HSETNX', P .. 'job:' .. known.id, field, result) == 0 then return false end
  if not known.touched then known.touched = {}; order[#order + 1] = known end
  known.open = known.open - 1
  count(status, 1)
  local channel = known.replyTo or replyTo
  if channel then
    local of = lines[channel]
    if not of then of = {}; lines[channel] = of end
    of[#of + 1] = requestId(known.id, field) .. '\\t' .. result
  end
  return true
end
local function landed(known, field)
  local name = 'k' .. field
  local key = call('HGET', P .. 'job:' .. known.id, name)
  if not key then return {} end
  known.touched[#known.touched + 1] = name
  local flight = P .. 'flight:' .. key
  local leader = call('GET', flight)
  if leader and string.match(leader, '^%d+\\t(.*)$') == known.id .. '\\t' .. field then call('DEL', flight) end
  local waiting = P .. 'followers:' .. known.id .. ':' .. field
  local found = call('LRANGE', waiting, 0, -1)
  if #found > 0 then call('DEL', waiting) end
  return found
end
local function finish(resultTtl)
  for _, known in ipairs(order) do
    local key = P .. 'job:' .. known.id
    local gone = known.touched
    if known.open <= 0 then
      gone[#gone + 1] = 'b'
      gone[#gone + 1] = 'a'
      call('ZREM', P .. 'pending', known.id)
      call('PEXPIRE', key, resultTtl)
    end
    call('HSET', key, 'o', math.max(known.open, 0))
    if #gone > 0 then call('HDEL', key, unpack(gone)) end
  end
  for channel, of in pairs(lines) do call('PUBLISH', P .. 'reply:' .. channel, table.concat(of, '\\n')) end
  saveCounts()
end
`;

/** Replies with a text for each request of each job in turn: `p` publish, `w` wait, or a result. */
export const acceptScript = `${prelude}
local now, flightTtl, resultTtl, patience, ids, idTtl = num(), num(), num(), num(), P .. 'ids:' .. arg(), num()
local replies = {}
for _ = 1, num() do
  local id, list, keep, replyTo, body, size = arg(), arg(), arg(), arg(), arg(), num()
  local key = P .. 'job:' .. id
  local first, open, known = #replies, 0, call('EXISTS', key) == 1
  local flights, failures = {}, 0
  for place = 0, size - 1 do
    local status, one, two = arg(), arg(), arg()
    local reply = false
    if known then
      reply = call('HGET', key, list == '1' and place or 's') or 'w'
    elseif status == 'q' then
      local cached = call('GET', P .. 'prediction:' .. one)
      if cached then reply = '1' .. cached else open = open + 1; flights[place] = two end
    else
      reply = one
      if status == 'failed' then failures = failures + 1 end
    end
    replies[first + place + 1] = reply
  end
  if not known and (open > 0 or keep == '1') then
    local fields = {'l', list, 'n', size, 'o', open}
    if replyTo ~= '' then fields[#fields + 1] = 'r'; fields[#fields + 1] = replyTo end
    if open > 0 then
      fields[#fields + 1] = 'b'; fields[#fields + 1] = body
      fields[#fields + 1] = 'a'; fields[#fields + 1] = 1
    end
    for place = 0, size - 1 do
      local field = list == '1' and tostring(place) or 's'
      local reply = replies[first + place + 1]
      if reply then
        fields[#fields + 1] = field; fields[#fields + 1] = reply
      else
        local flight = P .. 'flight:' .. flights[place]
        local expires, leader, leaderField = string.match(call('GET', flight) or '', '^(%d+)\\t(.*)\\t(%w+)$')
        if expires and tonumber(expires) > now then
          local followers = P .. 'followers:' .. leader .. ':' .. leaderField
          call('RPUSH', followers, id .. '\\t' .. field)
          call('PEXPIRE', followers, 3600000)
          replies[first + place + 1] = 'w'
        else
          call('SET', flight, string.format('%d\\t%s\\t%s', now + flightTtl, id, field), 'PX', 2 * flightTtl)
          fields[#fields + 1] = 'k' .. field; fields[#fields + 1] = flights[place]
          replies[first + place + 1] = 'p'
        end
      end
      if #fields > 1000 then call('HSET', key, unpack(fields)); fields = {} end
    end
    if #fields > 0 then call('HSET', key, unpack(fields)) end
    remember(id, ids, idTtl)
    if open > 0 then call('ZADD', P .. 'pending', string.format('%d', now + patience), id) else call('PEXPIRE', key, resultTtl) end
    count('accepted', size)
    count('failed', failures)
    count('done', size - open - failures)
  end
end
saveCounts()
return replies
`;

/** Replies with the numbers of stored outcomes and of duplicates. */
export const completeScript = `${prelude}${settling}
local resultTtl, predictionTtl, ids, idTtl, replyTo = num(), num(), P .. 'ids:' .. arg(), num(), arg()
if replyTo == '' then replyTo = false end
for _ = 1, num() do
  call('HSETNX', P .. 'models', arg(), arg())
  call('PEXPIRE', P .. 'models', idTtl)
end
local stored = 0
for _ = 1, num() do
  local id, base, place, status, result, cacheHash = arg(), arg(), arg(), arg(), arg(), arg()
  local known, field = false, 's'
  if place ~= 's' then
    known = job(base)
    if known and known.list and tonumber(place) < known.size then field = place else known = false end
  end
  if not known then known = job(id) end
  if not known then
    known = {id = id, list = false, size = 1, open = 1, replyTo = false}
    jobs[id] = known
    call('HSET', P .. 'job:' .. id, 'l', 0, 'n', 1, 'o', 1)
    remember(id, ids, idTtl)
    count('accepted', 1)
  end
  if known.list and field == 's' then
    count('duplicates', 1)
  elseif settle(known, field, '0' .. result, status, replyTo) then
    stored = stored + 1
    if status == 'done' then call('SET', P .. 'prediction:' .. cacheHash, result, 'PX', predictionTtl) end
    for _, follower in ipairs(landed(known, field)) do
      local followerId, followerField = string.match(follower, '^(.*)\\t(%w+)$')
      local joined = job(followerId)
      if joined then settle(joined, followerField, '0' .. result, status) end
    end
  else
    count('duplicates', 1)
  end
end
finish(resultTtl)
return {stored, counts.duplicates}
`;

/** Replies with pairs: the body of a job to publish again, and a list of the fields that it has. */
export const overdueScript = `${prelude}${settling}
local now, limit, resultTtl, exhausted, maxAttempts = num(), num(), num(), arg(), num()
local patience = {}
for attempt = 1, maxAttempts do patience[attempt] = num() end
local again = {}
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'pending', '-inf', string.format('%d', now), 'LIMIT', 0, limit)) do
  local key = P .. 'job:' .. id
  local row = call('HMGET', key, 'a', 'b')
  local attempts = tonumber(row[1] or 0)
  if attempts > 0 and attempts < maxAttempts then
    call('HSET', key, 'a', attempts + 1)
    call('ZADD', P .. 'pending', string.format('%d', now + patience[attempts + 1]), id)
    again[#again + 1] = {row[2], call('HKEYS', key)}
  elseif attempts == 0 then
    -- Its hash is gone (evicted, deleted by hand): it stays here, where the audit finds it.
    call('ZADD', P .. 'pending', string.format('%d', now + patience[maxAttempts]), id)
  else
    local known = job(id)
    for place = 0, known.size - 1 do
      local field = known.list and tostring(place) or 's'
      if settle(known, field, exhausted, 'failed') then
        for _, follower in ipairs(landed(known, field)) do
          -- It would wait on for nothing; the next sweep publishes it.
          call('ZADD', P .. 'pending', 'XX', string.format('%d', now), string.match(follower, '^(.*)\\t%w+$'))
        end
      end
    end
  end
end
finish(resultTtl)
return again
`;

/** Replies with the fields and values of a job, or with one word. */
export const findScript = `${prelude}
local id = arg()
local fields = call('HGETALL', P .. 'job:' .. id)
if #fields > 0 then return fields end
while at < #ARGV do
  if call('SISMEMBER', P .. 'ids:' .. arg(), id) == 1 then return {'expired'} end
end
return {'unknown'}
`;

/** Replies with the counts as fields and values, behind the sum of what is open. */
export const auditScript = `${prelude}
local open = 0
for _, id in ipairs(call('ZRANGE', P .. 'pending', 0, -1)) do open = open + tonumber(call('HGET', P .. 'job:' .. id, 'o') or 0) end
local fields = call('HGETALL', P .. 'counts')
table.insert(fields, 1, tostring(open))
return fields
`;

/** Replies with those ids that are neither open nor ended: jobs and the pending set disagree, or a result is missing. */
export const unaccountedScript = `${prelude}
local found = {}
while at < #ARGV do
  local id = arg()
  local key = P .. 'job:' .. id
  local fields = call('HKEYS', key)
  local results = 0
  for _, field in ipairs(fields) do if field == 's' or string.match(field, '^%d+$') then results = results + 1 end end
  local row = call('HMGET', key, 'n', 'o')
  local size, open = tonumber(row[1] or -1), tonumber(row[2] or -1)
  local pending = call('ZSCORE', P .. 'pending', id) and true or false
  local exists = #fields > 0
  if (exists or pending) and (not exists or results + open ~= size or pending ~= (open > 0)) then found[#found + 1] = id end
end
return found
`;
