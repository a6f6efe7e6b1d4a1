-- Open jobs, and the counts of requests. Stands behind the prelude. A script loads the jobs that it needs, changes them, and
-- saves them at its end. The record of a list has a line for each result: it is taken apart only where somebody asks.
--
-- ARGV  none
-- Keys  reads `open`; writes `open`, `bodies`, `deadlines`, `ended`, `counts`

local counts = {accepted = 0, done = 0, failed = 0, duplicates = 0}
local function count(name, by) counts[name] = counts[name] + by end
local function saveCounts()
  local key = P .. 'counts'
  for name, by in pairs(counts) do if by > 0 then call('HINCRBY', key, name, by) end end
end

-- An answer is a result without its flag. Its text begins with the status.
local function statusOf(answer)
  return string.sub(answer, ID_LENGTH + 1, ID_LENGTH + #DONE_START) == DONE_START and 'done' or 'failed'
end

-- The bytes of a job's record in `open`, 0 where there is none.
local function openBytes(id) return call('HSTRLEN', P .. 'open', id) end

-- The fingerprints of a record of `open` or `ended` whose first line ends before `from`, and where its next line begins. An
-- older version wrote none: its ids are not bound.
local function printsOf(text, from)
  local prints, behind = string.match(text, '^=([^\n]*)\n()', from)
  return prints or '', behind or from
end

-- Whether an outcome with this fingerprint answers what was asked at a place.
local function fits(prints, place, print)
  local from = place == 's' and 0 or tonumber(place) * PRINT_LENGTH
  return prints == '' or string.sub(prints, from + 1, from + PRINT_LENGTH) == print
end

-- Open jobs: those that were loaded, false where there is none. `lines` are its results, `joins` is who joined its flights.
local jobs, changed = {}, {}
local function parse(id, text)
  local size, open, attempts, channel, behind = string.match(text, '^(%w+) (%d+) (%d+) ([^\n]*)\n()')
  local prints
  prints, behind = printsOf(text, behind)
  local joins = string.find(text, '\n+', behind - 1, true)
  return {
    id = id, size = size, open = tonumber(open), attempts = tonumber(attempts), channel = channel, prints = prints,
    lines = string.sub(text, behind, joins or -1), joins = joins and string.sub(text, joins + 1) or '',
  }
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

local function has(size, place)
  if size == 's' then return place == 's' end
  return place ~= 's' and tonumber(place) < tonumber(size)
end

-- Whether the request at a place has ended.
local function isOver(job, place)
  if not job.over then
    local over, from = {}, 1
    while true do
      local tab = string.find(job.lines, '\t', from, true)
      if not tab then break end
      over[string.sub(job.lines, from, tab - 1)] = true
      from = string.find(job.lines, '\n', tab, true) + 1
    end
    job.over = over
  end
  return job.over[place]
end

-- Adds results to a job, as lines.
local function add(job, lines)
  job.added = job.added or {}
  job.added[#job.added + 1] = lines
end
local function added(job) return job.added and table.concat(job.added) or '' end

-- Writes the jobs that were changed, as open or as ended. A large text is put together once: each time costs Redis a millisecond.
local function saveJobs()
  local open, ended, closed = {}, {}, {}
  for _, job in ipairs(changed) do
    job.text = added(job)
    if job.open == 0 then
      ended[#ended + 1] = job.id
      ended[#ended + 1] = job.size .. '\n=' .. job.prints .. '\n' .. job.lines .. job.text
      if not job.fresh then closed[#closed + 1] = job.id end
    else
      local head = string.format('%s %d %d %s\n=', job.size, job.open, job.attempts, job.channel)
      open[#open + 1] = job.id
      open[#open + 1] = head .. job.prints .. '\n' .. job.lines .. job.text .. job.joins .. table.concat(job.joined or {})
    end
  end
  inSteps(open, 'HSET', P .. 'open')
  inSteps(closed, 'HDEL', P .. 'open')
  inSteps(closed, 'HDEL', P .. 'bodies')
  inSteps(closed, 'ZREM', P .. 'deadlines')
  keep('HSET', 'ended', ended)
end
