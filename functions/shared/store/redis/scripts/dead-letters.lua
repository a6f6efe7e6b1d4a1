-- What the scripts of dead letters have in common. An index is `dead-letters` (nobody knows who sent the event in them) or
-- `dead-letters:signed` (one of our own functions).

local call = redis.call
local P = 'kickoff:'
local SIZES = P .. 'dead-letter-bytes'
local function weigh(index, by) call('HINCRBY', SIZES, index, by) end
local function forget(index, id)
  call('ZREM', P .. index, id)
  call('DEL', P .. 'dead-letter:' .. id)
  weigh(index, -(tonumber(call('HGET', SIZES, id)) or 0))
  call('HDEL', SIZES, id)
end
