-- Adds fields to hashes of the history. What is there already stays. It stands alone, without the prelude.
--
-- ARGV  the ms until the hashes end; for each hash: its key, the most fields that it may have, the number of fields here,
--       and each field with its text
-- Keys  writes those that are named: `history-models`, `shadows`, `shadow:<pair>`
-- Reply nothing

local ttl, at = ARGV[1], 2
while at <= #ARGV do
  local key, most, count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  local size = redis.call('HLEN', key)
  for _ = 1, count do
    if size < most then size = size + redis.call('HSETNX', key, ARGV[at], ARGV[at + 1]) end
    at = at + 2
  end
  redis.call('PEXPIRE', key, ttl)
end
