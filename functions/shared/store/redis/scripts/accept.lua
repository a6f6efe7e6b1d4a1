-- Accepts jobs. Says of each request whether it is to be published, waits for another one, or has an answer.
--
-- ARGV  now in ms; how long others may join a flight, in ms; the ms until a job's first deadline; the most bytes that it
--       reads of leaders; the most bytes of who joined one of them; `1` to accept all or none (or `0`); the number of jobs;
--       for each job: id, size, `1` to keep it although nothing of it is open (or `0`), reply channel, fingerprints, body;
--       then the models of the results in the bodies (models.lua).
--       A body has a line with who asked, then one for each request: `?<id of its digest><fixture>\t<kickoff>`, or
--       `=<result without its flag>` where it is answered.
-- Keys  reads `open`, `ended`, `answers`; writes `open`, `bodies`, `deadlines`, `ended`, `answers`, `ids`, `models`, `counts`
-- Reply a text for each job: a letter for each request (`p` publish, `w` wait, `c` cached, `k` known), then a line for each
--       cached value; or, for a job that was accepted before, `=` and its lines; or `!` and them where it asked for
--       something else. Where it was to be all or none, `!` for each such job, and nothing for the others

local now, flight, patience, room, most, together = num(), num(), num(), num(), num(), arg() == '1'
-- The requests of all jobs: those of a job are `first` to `last`.
local fields, kickoffs, wanted = {}, {}, {}
local asked, ids = {}, {}
for n = 1, num() do
  local job = {
    id = arg(), size = arg(), keep = arg() == '1', channel = arg(), prints = arg(), body = arg(), first = #fields + 1,
    open = 0, attempts = 1, lines = '', joins = '', fresh = true,
  }
  local body = job.body
  local from = string.find(body, '\n', 1, true) + 1
  while from <= #body do
    local ends = string.find(body, '\n', from, true)
    if string.byte(body, from) == 63 then
      local tab = string.find(body, '\t', from, true)
      local field = string.sub(body, from + 1, tab - 1)
      kickoffs[#fields + 1] = string.sub(body, tab + 1, ends - 1)
      fields[#fields + 1] = field
      wanted[#wanted + 1] = field
    else
      fields[#fields + 1] = string.sub(body, from + 1, ends - 1)
    end
    from = ends + 1
  end
  job.last = #fields
  asked[n] = job
  ids[n] = job.id
end
load(ids)
local ended, answers = read('ended', ids), read('answers', wanted)
-- Who leads the flights. A leader that is not loaded takes nobody along: to publish once more costs less than to hold up Redis.
local leaders, seen = {}, {}
for field, answer in pairs(answers) do
  if string.byte(answer) == 126 then
    local till, leader, place, kickoff = string.match(answer, '^~(%d+) (%S+) (%w+) (.*)$')
    answers[field] = {till = tonumber(till), leader = leader, place = place, kickoff = kickoff}
    if not seen[leader] and room > 0 then
      seen[leader] = true
      room = room - openBytes(leader)
      if room > 0 then leaders[#leaders + 1] = leader end
    end
  end
end
load(leaders)
-- What was asked under an id before, and its lines.
local function earlier(id)
  local job = jobs[id]
  if job then return job.prints, job.lines .. added(job) end
  if not ended[id] then return nil end
  local prints, behind = printsOf(ended[id], string.find(ended[id], '\n', 1, true) + 1)
  return prints, string.sub(ended[id], behind)
end
local function conflicts(job, prints) return prints and prints ~= '' and prints ~= job.prints end
local replies, given, bodies, deadlines, flights = {}, {}, {}, {}, {}
if together then
  local before, refused = {}, false
  for n, job in ipairs(asked) do
    local prints = earlier(job.id) or before[job.id]
    before[job.id] = job.prints
    replies[n] = conflicts(job, prints) and '!' or ''
    refused = refused or replies[n] == '!'
  end
  if refused then return replies end
end
saveModels()

local function trace(job)
  jobs[job.id] = job
  change(job)
  given[#given + 1] = job.id
  count('accepted', job.last - job.first + 1)
end
-- Who leads a flight that may be joined.
local function leaderOf(answer)
  local leader = answer and answer.till > now and jobs[answer.leader]
  return leader and has(leader.size, answer.place) and not isOver(leader, answer.place) and leader
end
-- Joins the flight of a request; false where too many have.
local function join(leader, leading, id, place)
  local line = '+' .. leading .. '\t' .. id .. '\t' .. place .. '\n'
  local bytes = (leader.bytes or #leader.joins) + #line
  if bytes > most then return false end
  leader.bytes = bytes
  leader.joined = leader.joined or {}
  leader.joined[#leader.joined + 1] = line
  change(leader)
  return true
end
local till = string.format('%d', now + flight)
local deadline = string.format('%d', now + patience)
for n, job in ipairs(asked) do
  local prints, lines = earlier(job.id)
  if prints then
    replies[n] = (conflicts(job, prints) and '!' or '=') .. lines
  else
    local letters, hits, known, place = {}, {}, {}, 's'
    local lead = '~' .. till .. ' ' .. job.id .. ' '
    for request = job.first, job.last do
      local field, kickoff, number = fields[request], kickoffs[request], request - job.first + 1
      local answer = answers[field]
      if job.size ~= 's' then place = string.format('%d', number - 1) end
      if not kickoff then
        letters[number] = 'k'
        known[#known + 1] = {place .. '\t0' .. field .. '\n', field}
      elseif type(answer) == 'string' then
        letters[number] = 'c'
        hits[#hits + 1] = answer
        hits[#hits + 1] = '\n'
        known[#known + 1] = {place .. '\t1' .. answer .. '\n', answer}
      else
        if job.open == 0 then trace(job) end
        job.open = job.open + 1
        local leader = leaderOf(answer)
        -- Another kickoff is another question.
        local same = leader and answer.kickoff == kickoff
        if same and join(leader, answer.place, job.id, place) then
          letters[number] = 'w'
        else
          letters[number] = 'p'
          if same or not leader then
            answers[field] = {till = now + flight, leader = job.id, place = place, kickoff = kickoff}
            flights[#flights + 1] = field
            flights[#flights + 1] = lead .. place .. ' ' .. kickoff
          end
        end
      end
    end
    if job.open > 0 or job.keep then
      if job.open == 0 then trace(job) end
      for _, one in ipairs(known) do
        add(job, one[1])
        count(statusOf(one[2]), 1)
      end
    end
    if job.open > 0 then
      bodies[#bodies + 1] = job.id
      bodies[#bodies + 1] = job.body
      deadlines[#deadlines + 1] = deadline
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
