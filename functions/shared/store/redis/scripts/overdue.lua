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
for attempt = 1, maxAttempts do patience[attempt] = num() end
local due = call('ZRANGEBYSCORE', deadlines, '-inf', string.format('%d', now), 'LIMIT', 0, limit)
local far = call('ZRANGEBYSCORE', deadlines, string.format('(%d', now + furthest), '+inf', 'LIMIT', 0, limit)
for _, id in ipairs(far) do due[#due + 1] = id end
for _, id in ipairs(due) do
  -- Asked for before anything is read: a few large ones would fill the memory of Redis.
  room = room - call('HSTRLEN', P .. 'open', id) - call('HSTRLEN', bodies, id)
  if taken > 0 and room < 0 then break end
  load({id})
  local job = jobs[id]
  local open, again = job and job.open or 0, job and job.attempts < maxAttempts
  if taken > 0 and requests + open > limit then break end
  taken, requests = taken + 1, requests + open
  if not job then
    -- It is gone (evicted, deleted by hand): its deadline stays, where the audit finds it.
    call('ZADD', deadlines, string.format('%d', now + patience[maxAttempts]), id)
  elseif again then
    local attempts = job.attempts
    job.attempts = attempts + 1
    change(job)
    call('ZADD', deadlines, string.format('%d', now + patience[job.attempts]), id)
    local body = call('HGET', bodies, id) or ''
    published[#published + 1] = {id, job.size, job.channel, attempts, table.concat(job.lines), body}
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
finish()
return {taken, published}
