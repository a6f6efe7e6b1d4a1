import { prelude, settling } from './store-redis-lua.ts';

/** Replies with a text for each request of each job in turn: `p` publish, `w` wait, or a result. */
export const acceptScript = `${prelude}
local now, flightTtl, resultTtl, patience, ids, idTtl = num(), num(), num(), num(), P .. 'ids:' .. arg(), num()
saveModels(idTtl)
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
saveModels(idTtl)
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
local now, limit, resultTtl, furthest, exhausted, maxAttempts = num(), num(), num(), num(), arg(), num()
local pending, patience, again, requests = P .. 'pending', {}, {}, 0
for attempt = 1, maxAttempts do patience[attempt] = num() end
local due = call('ZRANGEBYSCORE', pending, '-inf', string.format('%d', now), 'LIMIT', 0, limit)
for _, id in ipairs(call('ZRANGEBYSCORE', pending, string.format('(%d', now + furthest), '+inf', 'LIMIT', 0, limit)) do due[#due + 1] = id end
for _, id in ipairs(due) do
  local key = P .. 'job:' .. id
  local row = redis.pcall('HMGET', key, 'a', 'b', 'o')
  local attempts, open = tonumber(row[1] or 0), tonumber(row[3] or 0)
  if requests > 0 and requests + open > limit then break end
  requests = requests + open
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
