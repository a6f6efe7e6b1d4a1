import { prelude, settling } from './lua.ts';
import { idLength } from '../rules.ts';

/**
 * Replies with a text for each job: a letter for each request (`p` publish, `w` wait, `c` cached), then a line for each cached value; or, for
 * a job that was accepted before, `=` and its lines.
 */
export const acceptScript = `${prelude}
local now, flight, patience = num(), num(), num()
local asked, ids, wanted = {}, {}, {}
for n = 1, num() do
  local job = {id = arg(), size = arg(), keep = arg() == '1', channel = arg(), extensions = arg(), body = arg(), requests = {}}
  for kind, text, more in string.gmatch(job.body, '([?=])([^\\t\\n]*)\\t?([^\\n]*)\\n') do
    job.requests[#job.requests + 1] = {known = kind == '=', field = text, kickoff = more}
    if kind == '?' then wanted[#wanted + 1] = text end
  end
  asked[n] = job
  ids[n] = job.id
end
saveModels()
load(ids)
local ended, answers, leaders = read('ended', ids), read('answers', wanted), {}
for field, answer in pairs(answers) do
  if string.byte(answer) == 126 then
    local till, leader, place, kickoff = string.match(answer, '^~(%d+) (%S+) (%w+) (.*)$')
    answers[field] = {till = tonumber(till), leader = leader, place = place, kickoff = kickoff}
    leaders[#leaders + 1] = leader
  end
end
load(leaders)
local replies, given, bodies, deadlines, flights = {}, {}, {}, {}, {}
for n, job in ipairs(asked) do
  local before, size, open, letters, hits = jobs[job.id], #job.requests, 0, {}, {}
  if before then
    replies[n] = '=' .. table.concat(before.lines)
  elseif ended[job.id] then
    replies[n] = '=' .. string.match(ended[job.id], '^%w+\\n(.*)$')
  else
    for _, request in ipairs(job.requests) do
      if not request.known and type(answers[request.field]) ~= 'string' then open = open + 1 end
    end
    local traced = open > 0 or job.keep
    local new = {id = job.id, size = job.size, open = open, attempts = 1, channel = job.channel, results = {}, lines = {}, joined = {}, fresh = true}
    if traced then
      jobs[job.id] = new
      change(new)
      given[#given + 1] = job.id
      count('accepted', size)
    end
    for index, request in ipairs(job.requests) do
      local place, result, answer = job.size == 's' and 's' or string.format('%d', index - 1), nil, answers[request.field]
      if request.known then
        result = request.field
        letters[index] = 'k'
      elseif type(answer) == 'string' then
        result = '1' .. answer
        letters[index] = 'c'
        hits[#hits + 1] = answer .. '\\n'
      else
        local leader = answer and answer.till > now and jobs[answer.leader]
        if leader and has(leader, answer.place) and not leader.results[answer.place] then
          if answer.kickoff == request.kickoff then
            change(leader)
            leader.joined[#leader.joined + 1] = {answer.place, job.id, place}
            letters[index] = 'w'
          else
            letters[index] = 'p'
          end
        else
          letters[index] = 'p'
          answers[request.field] = {till = now + flight, leader = job.id, place = place, kickoff = request.kickoff}
          flights[#flights + 1] = request.field
          flights[#flights + 1] = string.format('~%d %s %s ', now + flight, job.id, place) .. request.kickoff
        end
      end
      if result and traced then
        add(new, place, result)
        count(statusOf(result), 1)
      end
    end
    if open > 0 then
      bodies[#bodies + 1] = job.id
      bodies[#bodies + 1] = job.extensions .. '\\n' .. job.body
      deadlines[#deadlines + 1] = string.format('%d', now + patience)
      deadlines[#deadlines + 1] = job.id
    end
    replies[n] = table.concat(letters) .. '\\n' .. table.concat(hits)
  end
end
saveJobs()
keep('SADD', 'ids', given)
keep('HSET', 'answers', flights)
inSteps(bodies, 'HSET', P .. 'bodies')
inSteps(deadlines, 'ZADD', P .. 'deadlines')
saveCounts()
return replies
`;

/** Replies with the numbers of stored outcomes and of duplicates. */
export const completeScript = `${prelude}${settling}
local replyTo, digestOf, groups, ids = arg(), saveModels(), {}, {}
for n = 1, num() do
  groups[n] = {base = arg(), lines = arg(), fixtures = arg()}
  ids[n] = groups[n].base
end
load(ids)
-- A place of what is no such list belongs to the id of a single request.
local outcomes, others = {}, {}
for _, group in ipairs(groups) do
  local list, from, begin = jobs[group.base], 1, 1
  while true do
    local tab = string.find(group.lines, '\\t', from, true)
    if not tab then break end
    local till = string.find(group.lines, '\\n', tab, true)
    local ends = string.find(group.fixtures, '\\n', begin, true)
    local outcome = {id = group.base, fixture = string.sub(group.fixtures, begin, ends - 1), place = string.sub(group.lines, from, tab - 1), result = string.sub(group.lines, tab + 1, till - 1)}
    if not (list and has(list, outcome.place)) then others[#others + 1] = outcome end
    outcomes[#outcomes + 1] = outcome
    from, begin = till + 1, ends + 1
  end
end
if #others > 0 then
  local candidates, singles = {}, {}
  for n, outcome in ipairs(others) do candidates[n] = outcome.id end
  local ended = read('ended', candidates)
  for _, outcome in ipairs(others) do
    local record = ended[outcome.id]
    local size = record and string.match(record, '^%w+') or jobs[outcome.id] and jobs[outcome.id].size
    if size and (has({size = size}, outcome.place) or outcome.place == 's') then
      outcome.over = true
    elseif outcome.place ~= 's' then
      outcome.id = outcome.id .. '.' .. outcome.place
      outcome.place = 's'
      singles[#singles + 1] = outcome.id
    end
  end
  load(singles)
  ended = read('ended', singles)
  for _, outcome in ipairs(others) do outcome.over = outcome.over or ended[outcome.id] ~= nil end
end
local stored, answers, given, landed = 0, {}, {}, {}
for _, outcome in ipairs(outcomes) do
  local job, result = jobs[outcome.id], outcome.result
  if not job and not outcome.over then
    -- A producer's own request that never passed ingress: accepted by being answered.
    job = {id = outcome.id, size = 's', open = 1, attempts = 1, channel = '', results = {}, lines = {}, joined = {}, fresh = true}
    jobs[outcome.id] = job
    given[#given + 1] = outcome.id
    count('accepted', 1)
  end
  if not outcome.over and settle(job, outcome.place, result, replyTo) then
    stored = stored + 1
    if outcome.fixture ~= '' then
      answers[#answers + 1] = digestOf[string.sub(result, 2, ${idLength + 1})] .. outcome.fixture
      answers[#answers + 1] = string.sub(result, 2)
    end
    if #job.joined > 0 then landed[#landed + 1] = {job = job, place = outcome.place, result = result} end
  else
    count('duplicates', 1)
  end
end
-- Behind all that were given: who joined one of them may have an outcome of its own among them.
for _, leader in ipairs(landed) do
  for _, follower in ipairs(followersOf(leader.job, leader.place)) do
    load({follower[2]})
    if jobs[follower[2]] then settle(jobs[follower[2]], follower[3], leader.result) end
  end
end
keep('SADD', 'ids', given)
keep('HSET', 'answers', answers)
finish()
return {stored, counts.duplicates}
`;

/** Replies with `{id, size, reply channel, lines of what has ended, body}` of each job to publish again. */
export const overdueScript = `${prelude}${settling}
local now, limit, furthest, exhausted, maxAttempts = num(), num(), num(), arg(), num()
local deadlines, patience, published, requests = P .. 'deadlines', {}, {}, 0
for attempt = 1, maxAttempts do patience[attempt] = num() end
local due = call('ZRANGEBYSCORE', deadlines, '-inf', string.format('%d', now), 'LIMIT', 0, limit)
for _, id in ipairs(call('ZRANGEBYSCORE', deadlines, string.format('(%d', now + furthest), '+inf', 'LIMIT', 0, limit)) do due[#due + 1] = id end
load(due)
-- What the event carries beside the requests: one event has one of each.
local event
local function belongs(job)
  if event and event.channel ~= job.channel then return false end
  job.body = call('HGET', P .. 'bodies', job.id) or ''
  local extensions = string.match(job.body, '^[^\\n]*')
  event = event or {channel = job.channel, extensions = extensions}
  return event.extensions == extensions
end
for _, id in ipairs(due) do
  local job = jobs[id]
  local open, again = job and job.open or 0, job and job.attempts < maxAttempts
  if not again or belongs(job) then
    if requests > 0 and requests + open > limit then break end
    requests = requests + open
    if not job then
      -- It is gone (evicted, deleted by hand): its deadline stays, where the audit finds it.
      call('ZADD', deadlines, string.format('%d', now + patience[maxAttempts]), id)
    elseif again then
      job.attempts = job.attempts + 1
      change(job)
      call('ZADD', deadlines, string.format('%d', now + patience[job.attempts]), id)
      published[#published + 1] = {id, job.size, job.channel, table.concat(job.lines), job.body}
    else
      for place = 0, (tonumber(job.size) or 1) - 1 do
        local field = job.size == 's' and 's' or string.format('%d', place)
        if settle(job, field, exhausted) then
          for _, follower in ipairs(followersOf(job, field)) do
            -- It would wait on for nothing; the next sweep publishes it.
            call('ZADD', deadlines, 'XX', string.format('%d', now), follower[2])
          end
        end
      end
    end
  end
end
finish()
return published
`;

/** Replies with one word (`queued`, `ended`, `expired` or `unknown`), and behind the first two with size and lines of the job. */
export const findScript = `${prelude}
local id = arg()
load({id})
local job = jobs[id]
if job then return {'queued', job.size .. '\\n' .. table.concat(job.lines)} end
local ended = read('ended', {id})[id]
if ended then return {'ended', ended} end
for back = 0, slices.ids[2] - 1 do
  if call('SISMEMBER', slice('ids', back), id) == 1 then return {'expired'} end
end
return {'unknown'}
`;

/** Replies with the sum of what is open, and behind it the counts as fields and values. */
export const auditScript = `
local open = 0
for _, job in ipairs(redis.call('HVALS', 'kickoff:open')) do open = open + tonumber(string.match(job, '^%w+ (%d+)')) end
local fields = redis.call('HGETALL', 'kickoff:counts')
table.insert(fields, 1, tostring(open))
return fields
`;

/**
 * Looks from a cursor at some of what `open`, `deadlines` or `ended` (of so many slices back) names. Replies with the next cursor, and the ids
 * that are neither open nor ended: job and deadline disagree, or a result is missing.
 */
export const unaccountedScript = `${prelude}
local name, back, cursor = arg(), num(), arg()
local reply
if name == 'deadlines' then reply = call('ZSCAN', P .. name, cursor, 'COUNT', 100)
else reply = call('HSCAN', name == 'open' and P .. name or slice(name, back), cursor, 'COUNT', 100) end
local found = {reply[1]}
for n = 1, #reply[2], 2 do
  local id, text = reply[2][n], reply[2][n + 1]
  local sound
  if name == 'deadlines' then
    sound = call('HEXISTS', P .. 'open', id) == 1
  else
    local size, open = string.match(text, '^(%w+) ?(%d*)')
    local _, results = string.gsub(text, '\\n%w+\\t', '')
    sound = results + (tonumber(open) or 0) == (tonumber(size) or 1)
    if name == 'open' then sound = sound and tonumber(open) > 0 and call('ZSCORE', P .. 'deadlines', id) end
  end
  if not sound then found[#found + 1] = id end
end
return found
`;
