-- Takes jobs past their deadline. Each is to be published again, or fails where it was published often enough.
--
-- ARGV  now in ms; the most requests to take, and the most bytes to read; how far ahead a deadline may be, in ms; the
--       result of a request that nobody answered; the most publications, and for each the ms until its deadline
-- Keys  reads `open`, `bodies`, `deadlines`; writes `open`, `bodies`, `deadlines`, `ended`, `counts`;
--       publishes to `reply:<channel>`
-- Reply the number of jobs taken, and `{id, size, reply channel, publications so far, lines of what has ended, body}` of each
--       to publish again

local now, limit, room, furthest, exhausted, maxAttempts = num(), num(), num(), num(), arg(), num()
local deadlines, bodies, patience, published, taken, requests = P .. 'deadlines', P .. 'bodies', {}, {}, 0, 0
for attempt = 1, maxAttempts do patience[attempt] = string.format('%d', now + num()) end
local due = call('ZRANGEBYSCORE', deadlines, '-inf', string.format('%d', now), 'LIMIT', 0, limit)
local far = call('ZRANGEBYSCORE', deadlines, string.format('(%d', now + furthest), '+inf', 'LIMIT', 0, limit)
for _, id in ipairs(far) do due[#due + 1] = id end
-- Asked for before anything is read: a few large ones would fill the memory of Redis.
local ids = {}
for n, id in ipairs(due) do
  room = room - openBytes(id) - call('HSTRLEN', bodies, id)
  if n > limit or n > 1 and room < 0 then break end
  ids[n] = id
end
load(ids)
local again, later, atOnce = {}, {}, {}
for n, id in ipairs(ids) do
  local job = jobs[id]
  local open = job and job.open or 0
  if n > 1 and requests + open > limit then break end
  taken, requests = n, requests + open
  if not job then
    -- It is gone (evicted, deleted by hand): its deadline stays, where the audit finds it.
    later[#later + 1] = patience[maxAttempts]
    later[#later + 1] = id
  elseif job.attempts < maxAttempts then
    published[#published + 1] = {id, job.size, job.channel, job.attempts, job.lines}
    again[#again + 1] = id
    job.attempts = job.attempts + 1
    change(job)
    later[#later + 1] = patience[job.attempts]
    later[#later + 1] = id
  else
    for place = 0, (tonumber(job.size) or 1) - 1 do
      local field = job.size == 's' and 's' or string.format('%d', place)
      if settle(job, field, exhausted) then add(job, field .. '\t0' .. exhausted .. '\n') end
    end
    -- Who joined would wait on for nothing: the next sweep publishes that.
    landed(job, function(_, follower)
      atOnce[#atOnce + 1] = string.format('%d', now)
      atOnce[#atOnce + 1] = follower
    end)
  end
end
for n, body in ipairs(inSteps(again, 'HMGET', bodies)) do published[n][6] = body or '' end
inSteps(later, 'ZADD', deadlines)
finish()
inSteps(atOnce, 'ZADD', deadlines, 'XX')
return {taken, published}
