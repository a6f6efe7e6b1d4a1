import { doneStart, idLength, type Kept } from '../rules.ts';

/**
 * The keys of the Redis store, all under `kickoff:`. Scripts make key names from what they read, so this is for one primary with replicas,
 * not for Redis Cluster. What is written for each request lies in hashes, so that one command serves all requests of a script: a command
 * costs a script far more than a field. A hash whose fields shall end is cut in slices of time (`:<n>`, by the clock of Redis), which end
 * as a whole. Outcomes are opaque texts in Lua: cjson would turn empty arrays into objects and round numbers.
 *
 * | key                | type    | holds                                                                          | ends              |
 * | ------------------ | ------- | ------------------------------------------------------------------------------ | ----------------- |
 * | `open`             | hash    | id of a job -> `<size> <open> <attempts> <reply channel>\n`, then the lines of | with the job      |
 * |                    |         | what has ended, and `+<place>\t<id>\t<place>` of who joined one of its flights |                   |
 * | `bodies`           | hash    | id of an open job -> its extensions, then a line for each request              | with the job      |
 * | `deadlines`        | zset    | open jobs by deadline                                                          | with the job      |
 * | `ended:<n>`        | hash    | id of a job -> `<size>\n`, then a line for each request                        | after `result`, 3 |
 * |                    |         |                                                                                | slices of a half  |
 * | `answers:<n>`      | hash    | `<id of a digest><fixture>` -> a result without its flag, or a flight:         | by `prediction`,  |
 * |                    |         | `~<time until others may join> <id> <place> <kickoff>` of who leads it         | 2 slices          |
 * | `ids:<n>`          | set     | ids given: they stay known                                                     | after `id`        |
 * | `models`           | hash    | id -> model                                                                    | `id` after use    |
 * | `said:<n>`         | hash    | `<id of a model><home>\t<away>` -> what it said of that match, a line for     | by `history`, 3   |
 * |                    |         | each league: `<league>\t<ms> <forecast>`                                      | slices of a half  |
 * | `history-models`   | hash    | id -> model, of all that is in the history                                     | `history` after   |
 * | `shadows`          | hash    | `<id of the champion>:<id of the challenger>` -> ms of the first comparison    | it was written    |
 * | `shadow:<pair>`    | hash    | `<home>\t<away>\t<league>` -> `<ms> <two forecasts>`, of such a pair          | last              |
 * | `counts`           | hash    | what `audit` prints: five numbers                                              | never             |
 * | `claim:<key>`      | string  | an idempotency key's claim                                                     | `claim`           |
 * | `dead-letter:<id>` | string  | a dead letter                                                                  | `deadLetter`      |
 * | `dead-letters`     | zset    | their ids by expiry                                                            | with its last one |
 * | `ping`             | string  | proof that writes are taken                                                    | a second          |
 * | `reply:<channel>`  | pub/sub | ids of jobs, each before the lines of what has ended                           |                   |
 *
 * A *line* is `<place>\t<result>\n`; size and place of a single job are `s`. A *result* is `<0|1: from the cache><id of the model, or as many
 * dashes><text>`. A flight is not taken away: it holds as long as its leader is open.
 */
export const prelude = `
local at = 0
local function arg() at = at + 1; return ARGV[at] end
local function num() return tonumber(arg()) end
local call = redis.call
local P = 'kickoff:'
local time = call('TIME')
local clock = time[1] * 1000 + math.floor(time[2] / 1000)
-- The length of a slice in ms (from sliceLengths), and how many of them are read.
local slices = {ended = {num(), 3}, answers = {num(), 2}, ids = {num(), 8}, said = {num(), 3}}
local function slice(name, back) return string.format('%s%s:%d', P, name, math.floor(clock / slices[name][1]) - back) end
local counts = {accepted = 0, done = 0, failed = 0, duplicates = 0}
local function count(name, by) counts[name] = counts[name] + by end
local function saveCounts()
  local key = P .. 'counts'
  for name, by in pairs(counts) do if by > 0 then call('HINCRBY', key, name, by) end end
end
-- Lua can pass some 8000 arguments to a call; replies are put behind each other.
local function inSteps(values, command, key)
  if #values == 0 then return {} end
  if #values <= 4000 then return call(command, key, unpack(values)) end
  local replies = {}
  for first = 1, #values, 4000 do
    local reply = call(command, key, unpack(values, first, math.min(first + 3999, #values)))
    if type(reply) == 'table' then for _, one in ipairs(reply) do replies[#replies + 1] = one end end
  end
  return replies
end
-- Writes to the slice of now. The one that nobody reads any more goes with its first write: expiring would free it on the main thread.
local function keep(command, name, values)
  if #values == 0 then return end
  local key = slice(name, 0)
  local first = call('EXISTS', key) == 0
  inSteps(values, command, key)
  if first then
    local length, read = unpack(slices[name])
    call('UNLINK', slice(name, read))
    call('PEXPIRE', key, string.format('%d', (read + 1) * length))
  end
end
-- The values of fields by field, from the newest slice that has them.
local function read(name, fields)
  local values = {}
  for back = 0, slices[name][2] - 1 do
    if #fields == 0 then break end
    local key, missing = slice(name, back), {}
    if call('EXISTS', key) == 1 then
      for n, value in ipairs(inSteps(fields, 'HMGET', key)) do
        if value then values[fields[n]] = value else missing[#missing + 1] = fields[n] end
      end
      fields = missing
    end
  end
  return values
end
local function saveModel(id, text)
  local key, ttl = P .. 'models', slices.ids[1] * slices.ids[2]
  if call('HSETNX', key, id, text) == 1 or call('PTTL', key) < ttl / 2 then call('PEXPIRE', key, string.format('%d', ttl)) end
end
-- The models that follow, each an id, the id of its digest and its text. Returns the ids of the digests.
local function saveModels()
  local digestOf = {}
  for _ = 1, num() do
    local id = arg()
    digestOf[id] = arg()
    saveModel(id, arg())
  end
  return digestOf
end
-- The text of an outcome begins with its status.
local function statusOf(result) return string.sub(result, ${idLength + 2}, ${idLength + 1 + doneStart.length}) == '${doneStart}' and 'done' or 'failed' end
-- Open jobs: what is known of those that were loaded, false where there is none.
local jobs, changed = {}, {}
local function add(job, place, result)
  job.results[place] = true
  job.lines[#job.lines + 1] = place .. '\\t' .. result .. '\\n'
end
local function parse(id, text)
  local size, open, attempts, channel, behind = string.match(text, '^(%w+) (%d+) (%d+) ([^\\n]*)\\n()')
  local job = {id = id, size = size, open = tonumber(open), attempts = tonumber(attempts), channel = channel, results = {}, lines = {}, joined = {}}
  for joined, place, rest in string.gmatch(string.sub(text, behind), '(+?)(%w+)\\t([^\\n]*)\\n') do
    if joined == '' then add(job, place, rest) else
      local follower, at = string.match(rest, '^(.*)\\t(%w+)$')
      job.joined[#job.joined + 1] = {place, follower, at}
    end
  end
  return job
end
local function load(ids)
  local unknown = {}
  for _, id in ipairs(ids) do
    if jobs[id] == nil then
      jobs[id] = false
      unknown[#unknown + 1] = id
    end
  end
  for n, text in ipairs(inSteps(unknown, 'HMGET', P .. 'open')) do
    if text then jobs[unknown[n]] = parse(unknown[n], text) end
  end
end
local function change(job)
  if not job.changed then
    job.changed = true
    changed[#changed + 1] = job
  end
end
local function has(job, place)
  if job.size == 's' then return place == 's' end
  return place ~= 's' and tonumber(place) < tonumber(job.size)
end
-- Writes the jobs that were changed, as open or as ended.
local function saveJobs()
  local open, ended, closed = {}, {}, {}
  for _, job in ipairs(changed) do
    local lines = table.concat(job.lines)
    if job.open == 0 then
      ended[#ended + 1] = job.id
      ended[#ended + 1] = job.size .. '\\n' .. lines
      if not job.fresh then closed[#closed + 1] = job.id end
    else
      for n, one in ipairs(job.joined) do job.joined[n] = '+' .. table.concat(one, '\\t') .. '\\n' end
      open[#open + 1] = job.id
      open[#open + 1] = string.format('%s %d %d %s\\n', job.size, job.open, job.attempts, job.channel) .. lines .. table.concat(job.joined)
    end
  end
  inSteps(open, 'HSET', P .. 'open')
  inSteps(closed, 'HDEL', P .. 'open')
  inSteps(closed, 'HDEL', P .. 'bodies')
  inSteps(closed, 'ZREM', P .. 'deadlines')
  keep('HSET', 'ended', ended)
end
`;

/** What every script begins with: the lengths of the slices in ms. */
export function sliceLengths(kept: Kept): number[] {
  return [kept.result / 2, kept.prediction / 2, kept.id / 7, kept.history / 2];
}

/** Behind `prelude`: how requests end, for `complete` and `overdue`. */
export const settling = `
local told = {}
-- Ends one request, and tells who listens; false if it has ended before.
local function settle(job, place, result, replyTo)
  if job.results[place] then return false end
  change(job)
  add(job, place, result)
  job.open = job.open - 1
  count(statusOf(result), 1)
  local channel = job.channel ~= '' and job.channel or replyTo
  if channel and channel ~= '' then
    local to = told[channel]
    if not to then
      to = {}
      told[channel] = to
    end
    if to.last ~= job then
      to[#to + 1] = job.id .. '\\n'
      to.last = job
    end
    to[#to + 1] = job.lines[#job.lines]
  end
  return true
end
-- Those who joined the flight of a request, which has ended.
local function followersOf(job, place)
  local followers, others = {}, {}
  for _, one in ipairs(job.joined) do
    if one[1] == place then followers[#followers + 1] = one else others[#others + 1] = one end
  end
  job.joined = others
  return followers
end
local function finish()
  saveJobs()
  for channel, lines in pairs(told) do call('PUBLISH', P .. 'reply:' .. channel, table.concat(lines)) end
  saveCounts()
end
`;
