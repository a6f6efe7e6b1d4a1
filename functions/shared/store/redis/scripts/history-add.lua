-- Adds what a version said of matches. Which league has a line there already stays as it was said first. One read and one
-- write serve all matches: a command for each costs Redis 10 ms for a list of 1000.
--
-- ARGV  the ms until the model ends; its id and its text; the number of matches, and for each its field and its line
-- Keys  reads `said`; writes `said`, `history-models`
-- Reply nothing

local ttl, models = arg(), P .. 'history-models'
call('HSETNX', models, arg(), arg())
call('PEXPIRE', models, ttl)
local fields, lines = {}, {}
for n = 1, num() do fields[n], lines[n] = arg(), arg() end
local said, changed, values = read('said', fields), {}, {}
for n, field in ipairs(fields) do
  local before, line = said[field] or '', lines[n]
  local league = string.match(line, '^[^\t]*\t')
  if not string.find('\n' .. before, '\n' .. league, 1, true) then
    if not changed[field] then changed[#changed + 1] = field end
    changed[field] = true
    said[field] = before .. line
  end
end
for _, field in ipairs(changed) do
  values[#values + 1] = field
  values[#values + 1] = said[field]
end
keep('HSET', 'said', values)
