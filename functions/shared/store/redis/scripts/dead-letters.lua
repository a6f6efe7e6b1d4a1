-- What the scripts of dead letters have in common. An index is `dead-letters` (nobody knows who sent the event in them) or
-- `dead-letters:signed` (one of our own functions).

local call = redis.call
local P = 'kickoff:'
local SIZES = P .. 'dead-letter-bytes'
local function weigh(index, by) call('HINCRBY', SIZES, index, by) end
-- Forgets letters of an index.
local function forget(index, ids)
  if #ids == 0 then return end
  local keys, bytes = {}, 0
  for n, id in ipairs(ids) do keys[n] = P .. 'dead-letter:' .. id end
  for _, size in ipairs(call('HMGET', SIZES, unpack(ids))) do bytes = bytes + (tonumber(size) or 0) end
  call('ZREM', P .. index, unpack(ids))
  call('UNLINK', unpack(keys))
  call('HDEL', SIZES, unpack(ids))
  weigh(index, -bytes)
end
