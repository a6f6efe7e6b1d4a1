-- Counts what was accepted and what has become of it. It stands alone, without the prelude.
--
-- ARGV  none
-- Keys  reads `open`, `counts`
-- Reply the sum of what is open, and behind it the counts as fields and values

local open = 0
for _, job in ipairs(redis.call('HVALS', 'kickoff:open')) do open = open + tonumber(string.match(job, '^%w+ (%d+)')) end
local fields = redis.call('HGETALL', 'kickoff:counts')
table.insert(fields, 1, tostring(open))
return fields
