-- Reads what versions said of a match.
--
-- ARGV  the fields
-- Keys  reads `said`
-- Reply the lines of each field, an empty text where there is none

local fields, replies = {}, {}
for n = 1, #ARGV - at do fields[n] = arg() end
local said = read('said', fields)
for n, field in ipairs(fields) do replies[n] = said[field] or '' end
return replies
