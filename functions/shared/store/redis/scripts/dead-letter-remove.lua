-- Forgets a dead letter.
--
-- ARGV  id
-- Keys  writes `dead-letter:<id>`, `dead-letters`, `dead-letters:signed`, `dead-letter-bytes`
-- Reply 1, or 0 where there is none

local found = call('EXISTS', P .. 'dead-letter:' .. ARGV[1])
for _, index in ipairs({'dead-letters', 'dead-letters:signed'}) do
  if call('ZSCORE', P .. index, ARGV[1]) then forget(index, {ARGV[1]}) end
end
return found
