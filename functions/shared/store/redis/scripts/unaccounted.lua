-- Looks for jobs that do not add up: job and deadline disagree, or a result is missing. Sees some of one hash at a time.
--
-- ARGV  `open`, `deadlines` or `ended`; how many slices back (for `ended`); the cursor; how many to look at
-- Keys  reads `open`, `deadlines`, `ended`
-- Reply the next cursor; the bytes of what was looked at; the ids of such jobs; and, of `open`, each id and the number of its
--       open requests

local name, back, cursor, most = arg(), num(), arg(), arg()
local reply
if name == 'deadlines' then reply = call('ZSCAN', P .. name, cursor, 'COUNT', most)
else reply = call('HSCAN', name == 'open' and P .. name or slice(name, back), cursor, 'COUNT', most) end
local bytes, unsound, counts = 0, {}, {}
for n = 1, #reply[2], 2 do
  local id, text = reply[2][n], reply[2][n + 1]
  bytes = bytes + #text
  local sound
  if name == 'deadlines' then
    sound = call('HEXISTS', P .. 'open', id) == 1
  else
    local size, open = string.match(text, '^(%w+) ?(%d*)')
    local _, results = string.gsub(text, '\n%w+\t', '')
    open = tonumber(open) or 0
    sound = results + open == (tonumber(size) or 1)
    if name == 'open' then
      sound = sound and open > 0 and call('ZSCORE', P .. 'deadlines', id)
      counts[#counts + 1] = id
      counts[#counts + 1] = string.format('%d', open)
    end
  end
  if not sound then unsound[#unsound + 1] = id end
end
return {reply[1], bytes, unsound, counts}
