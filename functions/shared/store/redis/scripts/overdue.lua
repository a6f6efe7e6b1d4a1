-- Takes jobs past their deadline. Each is to be published again, or fails where it was published often enough.
--
-- ARGV  now in ms; the most requests to take; how far ahead a deadline may be, in ms; the result of a request that nobody
--       answered; the most publications, and for each the ms until its deadline
-- Keys  reads `open`, `bodies`, `deadlines`; writes `open`, `bodies`, `deadlines`, `ended`, `counts`;
--       publishes to `reply:<channel>`
-- Reply `{id, size, reply channel, lines of what has ended, body}` of each job to publish again

local now, limit, furthest, exhausted, maxAttempts = num(), num(), num(), arg(), num()
local deadlines, patience, published, requests = P .. 'deadlines', {}, {}, 0
for attempt = 1, maxAttempts do patience[attempt] = num() end
local due = call('ZRANGEBYSCORE', deadlines, '-inf', string.format('%d', now), 'LIMIT', 0, limit)
local far = call('ZRANGEBYSCORE', deadlines, string.format('(%d', now + furthest), '+inf', 'LIMIT', 0, limit)
for _, id in ipairs(far) do due[#due + 1] = id end
load(due)
-- What the event carries beside the requests: one event has one of each.
local event
local function belongs(job)
  if event and event.channel ~= job.channel then return false end
  job.body = call('HGET', P .. 'bodies', job.id) or ''
  local extensions = string.match(job.body, '^[^\n]*')
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
