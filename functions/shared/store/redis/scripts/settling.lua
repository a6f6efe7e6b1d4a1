-- How requests end. Stands behind the jobs.
--
-- ARGV  none
-- Keys  writes what the jobs write; publishes to `reply:<channel>`

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
      to[#to + 1] = job.id .. '\n'
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
