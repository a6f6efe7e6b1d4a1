/**
 * The keys of the Redis store, all under `kickoff:`. Scripts make key names from ids, so this is for one primary with replicas, not for
 * Redis Cluster. Outcomes are opaque texts in Lua: cjson would turn empty arrays into objects and round numbers.
 *
 * | key                 | type    | holds                                                                        | ends               |
 * | ------------------- | ------- | ---------------------------------------------------------------------------- | ------------------ |
 * | `job:<id>`          | hash    | `l` list, `n` size, `o` open, `r` reply channel, `b` body, `a` attempts,     | never while open;  |
 * |                     |         | place (`s` of a single one) -> result, `k<place>` -> the flight it leads     | then `result`      |
 * |                     | string  | the result of a single job that has ended                                    | `result`           |
 * | `pending`           | zset    | open jobs by deadline                                                        | with its last job  |
 * | `ids:<n>`           | set     | ids given in one slice of time: they stay known                              | `id`               |
 * | `prediction:<hash>` | string  | a result without its first character, by the hash of its cache key           | `prediction`       |
 * | `flight:<hash>`     | string  | `<time until others may join> `, then lines of `<job>\t<place>`: first the   | 2 × `flight`: then |
 * |                     |         | request that was published, then who joined it                               | the sweep is left  |
 * | `models`            | hash    | short id -> model                                                            | `id` after use     |
 * | `counts`            | hash    | what `audit` prints: five numbers                                            | never              |
 * | `claim:<key>`       | string  | an idempotency key's claim                                                   | `claim`            |
 * | `dead-letter:<id>`  | string  | a dead letter                                                                | `deadLetter`       |
 * | `dead-letters`      | zset    | their ids by expiry                                                          | with its last one  |
 * | `ping`              | string  | proof that writes are taken                                                  | a second           |
 * | `reply:<channel>`   | pub/sub | lines of `<request id>\t<result>`                                            |                    |
 *
 * A *result* is `<0|1: from the cache><12 characters of the model's id, or -><text>`.
 */
const prelude = `
local at = 0
local function arg() at = at + 1; return ARGV[at] end
local function num() return tonumber(arg()) end
local call = redis.call
local P = 'kickoff:'
local counts = {accepted = 0, done = 0, failed = 0, duplicates = 0}
local function count(name, by) counts[name] = counts[name] + by end
local function saveCounts()
  for name, by in pairs(counts) do if by > 0 then call('HINCRBY', P .. 'counts', name, by) end end
end
-- Lua can pass some 8000 arguments to a call; replies are put behind each other.
local function inSteps(values, command, key)
  local replies = {}
  for first = 1, #values, 4000 do
    local last = math.min(first + 3999, #values)
    local reply
    if key then reply = call(command, key, unpack(values, first, last)) else reply = call(command, unpack(values, first, last)) end
    if type(reply) == 'table' then for _, one in ipairs(reply) do replies[#replies + 1] = one end end
  end
  return replies
end
local function remember(given, ids, ttl)
  if #given == 0 then return end
  inSteps(given, 'SADD', ids)
  if call('PTTL', ids) < 0 then call('PEXPIRE', ids, ttl) end
end
-- Each key once: its value, or false.
local function read(keys)
  local values = {}
  for n, value in ipairs(inSteps(keys, 'MGET')) do values[keys[n]] = value end
  return values
end
`;

const settling = `
local jobs, order, landings, lines = {}, {}, {}, {}
-- A job, with what is known of one of its fields; false if there is none.
local function load(id, field)
  local job, key = jobs[id], P .. 'job:' .. id
  if job == false or job and job.seen[field] then return job end
  if job then
    local row = call('HMGET', key, field, 'k' .. field)
    job.results[field], job.leads[field] = row[1], row[2]
  else
    local row = redis.pcall('HMGET', key, 'l', 'n', 'o', 'r', field, 'k' .. field)
    if row.err then
      -- A string: a single job that has ended.
      job = {id = id, list = false, size = 1, results = {s = true}, leads = {}, seen = {}}
    elseif row[1] then
      job = {id = id, list = row[1] == '1', size = tonumber(row[2]), open = tonumber(row[3]), replyTo = row[4],
        results = {[field] = row[5]}, leads = {[field] = row[6]}, seen = {}}
    else
      job = false
    end
    jobs[id] = job
  end
  if job then job.seen[field] = true end
  return job
end
local function settle(job, field, result, status, replyTo)
  if job.results[field] then return false end
  job.results[field] = result
  job.open = job.open - 1
  if not job.set then job.set = {}; job.drop = {}; order[#order + 1] = job end
  job.set[#job.set + 1] = field
  job.set[#job.set + 1] = result
  if job.leads[field] then job.drop[#job.drop + 1] = 'k' .. field end
  count(status, 1)
  local channel = job.replyTo or replyTo
  if channel then
    local of = lines[channel]
    if not of then of = {}; lines[channel] = of end
    of[#of + 1] = (field == 's' and job.id or job.id .. '.' .. field) .. '\\t' .. result
  end
  return true
end
-- Ends the flight that a request leads, and gives who joined it.
local function followersOf(job, field, flights)
  local key = job.leads[field] and P .. 'flight:' .. job.leads[field]
  local flight = key and flights[key]
  local followers = {}
  if not flight then return followers end
  for id, place in string.gmatch(string.match(flight, '^%d+ (.*)$'), '([^\\t\\n]+)\\t(%w+)\\n') do followers[#followers + 1] = {id, place} end
  local leader = table.remove(followers, 1)
  if leader[1] ~= job.id or leader[2] ~= field then return {} end
  flights[key] = nil
  landings[#landings + 1] = key
  return followers
end
local function finish(resultTtl)
  local ended = {}
  for _, job in ipairs(order) do
    local key = P .. 'job:' .. job.id
    if job.open == 0 then ended[#ended + 1] = job.id end
    if job.list then
      job.set[#job.set + 1] = 'o'
      job.set[#job.set + 1] = job.open
      inSteps(job.set, 'HSET', key)
      if job.open == 0 then
        job.drop[#job.drop + 1] = 'b'
        job.drop[#job.drop + 1] = 'a'
        call('PEXPIRE', key, resultTtl)
      end
      inSteps(job.drop, 'HDEL', key)
    else
      call('SET', key, job.set[2], 'PX', resultTtl)
    end
  end
  inSteps(ended, 'ZREM', P .. 'pending')
  inSteps(landings, 'DEL')
  for channel, of in pairs(lines) do call('PUBLISH', P .. 'reply:' .. channel, table.concat(of, '\\n')) end
  saveCounts()
end
`;

/** Replies with a text for each request of each job in turn: `p` publish, `w` wait, or a result. */
export const acceptScript = `${prelude}
local now, flightTtl, resultTtl, patience, ids, idTtl = num(), num(), num(), num(), P .. 'ids:' .. arg(), num()
local jobs, jobKeys, wanted = {}, {}, {}
for n = 1, num() do
  local job = {id = arg(), list = arg() == '1', keep = arg() == '1', replyTo = arg(), body = arg(), requests = {}}
  for place = 1, num() do
    local request = {status = arg(), one = arg(), flight = arg()}
    if request.status == 'q' then
      request.one = P .. 'prediction:' .. request.one
      request.flight = P .. 'flight:' .. request.flight
      wanted[#wanted + 1] = request.one
      wanted[#wanted + 1] = request.flight
    end
    job.requests[place] = request
  end
  jobs[n] = job
  jobKeys[n] = P .. 'job:' .. job.id
end
local values = read(wanted)
local anyKnown = false
for first = 1, #jobKeys, 4000 do
  if call('EXISTS', unpack(jobKeys, first, math.min(first + 3999, #jobKeys))) > 0 then anyKnown = true end
end
local replies, given, deadlines, taken = {}, {}, {}, {}
for n, job in ipairs(jobs) do
  local key, size, open, failures = jobKeys[n], #job.requests, 0, 0
  if taken[job.id] or anyKnown and call('EXISTS', key) == 1 then
    for place = 1, size do
      local reply = redis.pcall('HGET', key, job.list and place - 1 or 's')
      if type(reply) == 'table' then reply = call('GET', key) end
      replies[#replies + 1] = reply or 'w'
    end
  else
    local fields = {}
    for _, request in ipairs(job.requests) do
      if request.status == 'q' then
        local cached = values[request.one]
        if cached then request.result = '1' .. cached else open = open + 1 end
      else
        request.result = request.one
        if request.status == 'failed' then failures = failures + 1 end
      end
    end
    local traced = open > 0 or job.keep
    for place, request in ipairs(job.requests) do
      local field = job.list and tostring(place - 1) or 's'
      local reply = request.result
      if not reply then
        local me = job.id .. '\\t' .. field .. '\\n'
        local flight = values[request.flight]
        if flight and tonumber(string.match(flight, '^%d+')) > now then
          call('APPEND', request.flight, me)
          reply = 'w'
        else
          flight = string.format('%d ', now + flightTtl) .. me
          call('SET', request.flight, flight, 'PX', 2 * flightTtl)
          values[request.flight] = flight
          fields[#fields + 1] = 'k' .. field
          fields[#fields + 1] = string.sub(request.flight, #P + 8)
          reply = 'p'
        end
      elseif traced then
        fields[#fields + 1] = field
        fields[#fields + 1] = reply
      end
      replies[#replies + 1] = reply
    end
    if traced then
      taken[job.id] = true
      given[#given + 1] = job.id
      count('accepted', size)
      count('failed', failures)
      count('done', size - open - failures)
    end
    if traced and open == 0 and not job.list then
      call('SET', key, job.requests[1].result, 'PX', resultTtl)
    elseif traced then
      for _, one in ipairs({'l', job.list and 1 or 0, 'n', size, 'o', open}) do fields[#fields + 1] = one end
      if job.replyTo ~= '' then fields[#fields + 1] = 'r'; fields[#fields + 1] = job.replyTo end
      if open > 0 then
        for _, one in ipairs({'b', job.body, 'a', 1}) do fields[#fields + 1] = one end
        deadlines[#deadlines + 1] = string.format('%d', now + patience)
        deadlines[#deadlines + 1] = job.id
      end
      inSteps(fields, 'HSET', key)
      if open == 0 then call('PEXPIRE', key, resultTtl) end
    end
  end
end
remember(given, ids, idTtl)
inSteps(deadlines, 'ZADD', P .. 'pending')
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
local outcomes, flightKeys, given = {}, {}, {}
for n = 1, num() do
  local id, base, place = arg(), arg(), arg()
  local outcome = {status = arg(), result = arg(), cacheKey = arg(), field = 's'}
  if place ~= 's' then
    local list = load(base, place)
    if list and list.list and tonumber(place) < list.size then outcome.job = list; outcome.field = place end
  end
  if not outcome.job then
    local job = load(id, 's')
    if not job then
      -- A producer's own request that never passed ingress: accepted by being answered.
      job = {id = id, list = false, size = 1, open = 1, results = {}, leads = {}, seen = {s = true}}
      jobs[id] = job
      given[#given + 1] = id
      count('accepted', 1)
    end
    -- The id of a list means none of its requests.
    if not job.list then outcome.job = job end
  end
  local lead = outcome.job and outcome.job.leads[outcome.field]
  if lead then flightKeys[#flightKeys + 1] = P .. 'flight:' .. lead end
  outcomes[n] = outcome
end
remember(given, ids, idTtl)
local flights = read(flightKeys)
local stored = 0
for _, outcome in ipairs(outcomes) do
  local job, field, result = outcome.job, outcome.field, '0' .. outcome.result
  if job and settle(job, field, result, outcome.status, replyTo) then
    stored = stored + 1
    if outcome.status == 'done' then call('SET', P .. 'prediction:' .. outcome.cacheKey, outcome.result, 'PX', predictionTtl) end
    for _, follower in ipairs(followersOf(job, field, flights)) do
      local joined = load(follower[1], follower[2])
      if joined then settle(joined, follower[2], result, outcome.status) end
    end
  else
    count('duplicates', 1)
  end
end
finish(resultTtl)
return {stored, counts.duplicates}
`;

/** Replies with pairs: the body of a job to publish again, and the fields that it has. */
export const overdueScript = `${prelude}${settling}
local now, limit, resultTtl, exhausted, maxAttempts = num(), num(), num(), arg(), num()
local pending, patience, again = P .. 'pending', {}, {}
for attempt = 1, maxAttempts do patience[attempt] = num() end
for _, id in ipairs(call('ZRANGEBYSCORE', pending, '-inf', string.format('%d', now), 'LIMIT', 0, limit)) do
  local key = P .. 'job:' .. id
  local row = redis.pcall('HMGET', key, 'a', 'b')
  local attempts = tonumber(row[1] or 0)
  if attempts == 0 then
    -- Its hash is gone (evicted, deleted by hand): it stays here, where the audit finds it.
    call('ZADD', pending, string.format('%d', now + patience[maxAttempts]), id)
  elseif attempts < maxAttempts then
    call('HSET', key, 'a', attempts + 1)
    call('ZADD', pending, string.format('%d', now + patience[attempts + 1]), id)
    again[#again + 1] = {row[2], call('HKEYS', key)}
  else
    local size = tonumber(call('HGET', key, 'n'))
    for place = 0, size - 1 do
      local field = call('HGET', key, 'l') == '1' and tostring(place) or 's'
      local job = load(id, field)
      local lead = job.leads[field]
      if settle(job, field, exhausted, 'failed') and lead then
        for _, follower in ipairs(followersOf(job, field, read({P .. 'flight:' .. lead}))) do
          -- It would wait on for nothing; the next sweep publishes it.
          call('ZADD', pending, 'XX', string.format('%d', now), follower[1])
        end
      end
    end
  end
end
finish(resultTtl)
return again
`;

/** Replies with the fields and values of a job, with the result of a single one behind `ended`, or with one word. */
export const findScript = `${prelude}
local id = arg()
local key = P .. 'job:' .. id
local fields = redis.pcall('HGETALL', key)
if fields.err then return {'ended', call('GET', key)} end
if #fields > 0 then return fields end
while at < #ARGV do
  if call('SISMEMBER', P .. 'ids:' .. arg(), id) == 1 then return {'expired'} end
end
return {'unknown'}
`;

/** Replies with the sum of what is open, and behind it the counts as fields and values. */
export const auditScript = `${prelude}
local open = 0
for _, id in ipairs(call('ZRANGE', P .. 'pending', 0, -1)) do
  local value = redis.pcall('HGET', P .. 'job:' .. id, 'o')
  open = open + (type(value) == 'string' and tonumber(value) or 0)
end
local fields = call('HGETALL', P .. 'counts')
table.insert(fields, 1, tostring(open))
return fields
`;

/** Replies with those ids that are neither open nor ended: job and pending set disagree, or a result is missing. */
export const unaccountedScript = `${prelude}
local found = {}
while at < #ARGV do
  local id = arg()
  local key = P .. 'job:' .. id
  local pending = call('ZSCORE', P .. 'pending', id) and true or false
  local fields = redis.pcall('HKEYS', key)
  if fields.err then
    if pending then found[#found + 1] = id end
  elseif pending or #fields > 0 then
    local results = 0
    for _, field in ipairs(fields) do if field == 's' or string.match(field, '^%d+$') then results = results + 1 end end
    local row = call('HMGET', key, 'n', 'o')
    local size, open = tonumber(row[1] or -1), tonumber(row[2] or -1)
    if results + open ~= size or pending ~= (open > 0) then found[#found + 1] = id end
  end
end
return found
`;
