-- Accepts jobs. Says of each request whether it is to be published, waits for another one, or has an answer.
--
-- ARGV  now in ms; how long others may join a flight, in ms; the ms until a job's first deadline; `1` to accept all or none
--       (or `0`); the number of jobs;
--       for each job: id, size, `1` to keep it although nothing of it is open (or `0`), reply channel, fingerprints, who
--       asked, body; then the models of the results in the bodies (models.lua).
--       A body has a line for each request: `?<id of its digest><fixture>\t<kickoff>`, or `=<result>` where it is answered.
-- Keys  reads `open`, `ended`, `answers`; writes `open`, `bodies`, `deadlines`, `ended`, `answers`, `ids`, `models`, `counts`
-- Reply a text for each job: a letter for each request (`p` publish, `w` wait, `c` cached, `k` known), then a line for each
--       cached value; or, for a job that was accepted before, `=` and its lines; or `!` and them where it asked for
--       something else. Where it was to be all or none, `!` for each such job, and nothing for the others

local now, flight, patience, together = num(), num(), num(), arg() == '1'
local asked, ids, wanted = {}, {}, {}
for n = 1, num() do
  local job = {
    id = arg(), size = arg(), keep = arg() == '1', channel = arg(), prints = arg(), asker = arg(), body = arg(),
    requests = {},
  }
  for kind, text, more in string.gmatch(job.body, '([?=])([^\t\n]*)\t?([^\n]*)\n') do
    job.requests[#job.requests + 1] = {known = kind == '=', field = text, kickoff = more}
    if kind == '?' then wanted[#wanted + 1] = text end
  end
  asked[n] = job
  ids[n] = job.id
end
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
-- What was asked under an id before, and its lines.
local function earlier(id)
  if jobs[id] then return jobs[id].prints, table.concat(jobs[id].lines) end
  if not ended[id] then return nil end
  local prints, behind = printsOf(ended[id], string.find(ended[id], '\n', 1, true) + 1)
  return prints, string.sub(ended[id], behind)
end
local function conflicts(job, prints) return prints and prints ~= '' and prints ~= job.prints end
local replies, given, bodies, deadlines, flights = {}, {}, {}, {}, {}
if together then
  local seen, refused = {}, false
  for n, job in ipairs(asked) do
    local prints = earlier(job.id) or seen[job.id]
    seen[job.id] = job.prints
    replies[n] = conflicts(job, prints) and '!' or ''
    refused = refused or replies[n] == '!'
  end
  if refused then return replies end
end
saveModels()
for n, job in ipairs(asked) do
  local size, open, letters, hits = #job.requests, 0, {}, {}
  local prints, lines = earlier(job.id)
  if prints then
    replies[n] = (conflicts(job, prints) and '!' or '=') .. lines
  else
    for _, request in ipairs(job.requests) do
      if not request.known and type(answers[request.field]) ~= 'string' then open = open + 1 end
    end
    local traced = open > 0 or job.keep
    local new = {
      id = job.id, size = job.size, open = open, attempts = 1, channel = job.channel, prints = job.prints,
      results = {}, lines = {}, joined = {}, fresh = true,
    }
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
        hits[#hits + 1] = answer .. '\n'
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
      bodies[#bodies + 1] = job.asker .. '\n' .. job.body
      deadlines[#deadlines + 1] = string.format('%d', now + patience)
      deadlines[#deadlines + 1] = job.id
    end
    replies[n] = table.concat(letters) .. '\n' .. table.concat(hits)
  end
end
saveJobs()
keep('SADD', 'ids', given)
keep('HSET', 'answers', flights)
inSteps(bodies, 'HSET', P .. 'bodies')
inSteps(deadlines, 'ZADD', P .. 'deadlines')
saveCounts()
return replies
