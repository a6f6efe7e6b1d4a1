-- How requests end. Stands behind the jobs.
--
-- ARGV  none
-- Keys  writes what the jobs write; publishes to `reply:<channel>`

local told = {}
-- Ends one request, and tells who listens; false if it has ended before.
local function settle(job, place, result, replyTo)
  if isOver(job, place) then return false end
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
      to[#to + 1] = job.id .. '\n'
      to.last = job
    end
    to[#to + 1] = job.added[#job.added]
  end
  return true
end

-- Takes those who joined the flights of requests that have ended from a job. `each` is called with the place, and the id and the
-- place of who joined.
local function landed(job, each)
  if job.joins == '' then return end
  local others = {}
  for line, place, id, its in string.gmatch(job.joins, '(%+(%w+)\t([^\t\n]*)\t(%w+)\n)') do
    if isOver(job, place) then each(place, id, its) else others[#others + 1] = line end
  end
  job.joins = table.concat(others)
end

local function finish()
  saveJobs()
  for channel, lines in pairs(told) do call('PUBLISH', P .. 'reply:' .. channel, table.concat(lines)) end
  saveCounts()
end
