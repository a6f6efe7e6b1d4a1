-- Looks up a job.
--
-- ARGV  its id
-- Keys  reads `open`, `ended`, `ids`
-- Reply one word (`queued`, `ended`, `expired` or `unknown`), and behind the first two the job's size and lines

local id = arg()
load({id})
local job = jobs[id]
if job then return {'queued', job.size .. '\n' .. job.lines} end
local ended = read('ended', {id})[id]
if ended then return {'ended', ended} end
for back = 0, slices.ids[2] - 1 do
  if call('SISMEMBER', slice('ids', back), id) == 1 then return {'expired'} end
end
return {'unknown'}
