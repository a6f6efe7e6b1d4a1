-- How requests end. Stands behind the jobs.
--
-- ARGV  none
-- Keys  writes what the jobs write; publishes to `reply:<channel>`

-- Ends one request; false if it has ended before. Who calls adds its line.
local function settle(job, place, answer, replyTo)
  if isOver(job, place) then return false end
  change(job)
  job.over[place] = true
  job.open = job.open - 1
  job.tell = job.channel ~= '' and job.channel or job.tell or replyTo
  count(statusOf(answer), 1)
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
  local told = {}
  for _, job in ipairs(changed) do
    if job.tell and job.tell ~= '' then
      local lines = told[job.tell] or {}
      told[job.tell] = lines
      lines[#lines + 1] = job.id .. '\n' .. job.text
    end
  end
  for channel, lines in pairs(told) do call('PUBLISH', P .. 'reply:' .. channel, table.concat(lines)) end
  saveCounts()
end
