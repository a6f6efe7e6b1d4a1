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
  if count > 0 then
    local fields, seen, values = {}, {}, {}
    for n = 1, count do fields[n] = ARGV[at + 2 * n - 2] end
    local room = most - redis.call('HLEN', key)
    for n, known in ipairs(redis.call('HMGET', key, unpack(fields))) do
      local field = fields[n]
      if not known and not seen[field] and room > 0 then
        room, seen[field] = room - 1, true
        values[#values + 1] = field
        values[#values + 1] = ARGV[at + 2 * n - 1]
      end
    end
    at = at + 2 * count
    if #values > 0 then redis.call('HSET', key, unpack(values)) end
  end
  redis.call('PEXPIRE', key, ttl)
end
