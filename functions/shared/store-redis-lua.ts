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
export const prelude = `
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
local function saveModels(ttl)
  for _ = 1, num() do
    call('HSETNX', P .. 'models', arg(), arg())
    call('PEXPIRE', P .. 'models', ttl)
  end
end
-- Each key once: its value, or false.
local function read(keys)
  local values = {}
  for n, value in ipairs(inSteps(keys, 'MGET')) do values[keys[n]] = value end
  return values
end
`;

/** Behind `prelude`: how requests end, for `complete` and `overdue`. */
export const settling = `
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
