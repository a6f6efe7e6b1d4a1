-- Looks for jobs that do not add up: job and deadline disagree, or a result is missing. Sees some of one hash at a time.
--
-- ARGV  `open`, `deadlines` or `ended`; how many slices back (for `ended`); the cursor
-- Keys  reads `open`, `deadlines`, `ended`
-- Reply the next cursor, and the ids of such jobs

local name, back, cursor = arg(), num(), arg()
local reply
if name == 'deadlines' then reply = call('ZSCAN', P .. name, cursor, 'COUNT', 100)
else reply = call('HSCAN', name == 'open' and P .. name or slice(name, back), cursor, 'COUNT', 100) end
local found = {reply[1]}
for n = 1, #reply[2], 2 do
  local id, text = reply[2][n], reply[2][n + 1]
  local sound
  if name == 'deadlines' then
    sound = call('HEXISTS', P .. 'open', id) == 1
  else
    local size, open = string.match(text, '^(%w+) ?(%d*)')
    local _, results = string.gsub(text, '\n%w+\t', '')
    sound = results + (tonumber(open) or 0) == (tonumber(size) or 1)
    if name == 'open' then sound = sound and tonumber(open) > 0 and call('ZSCORE', P .. 'deadlines', id) end
  end
  if not sound then found[#found + 1] = id end
end
return found
