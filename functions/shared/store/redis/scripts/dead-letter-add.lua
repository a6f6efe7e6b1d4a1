-- Keeps a dead letter, in the place of one with its id. The oldest of its index go where they are too many.
--
-- ARGV  id, text, the ms that it is kept, index, the most letters of the index, the most bytes that they have together
-- Keys  writes `dead-letter:<id>`, the index, `dead-letter-bytes`, `counts`
-- Reply how many were dropped

local id, text, ttl, index, most, mostBytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local time = call('TIME')
local clock = time[1] * 1000 + math.floor(time[2] / 1000)
forget(index, call('ZRANGEBYSCORE', P .. index, '-inf', string.format('%d', clock), 'LIMIT', 0, most))
if call('EXISTS', P .. 'dead-letter:' .. id) == 1 then forget(index, {id})
else call('HINCRBY', P .. 'counts', 'deadLettered', 1) end
call('SET', P .. 'dead-letter:' .. id, text, 'PX', ttl)
call('ZADD', P .. index, string.format('%d', clock + ttl), id)
call('HSET', SIZES, id, #text)
weigh(index, #text)
local oldest, bytes = {}, tonumber(call('HGET', SIZES, index)) - mostBytes
local letters = call('ZRANGE', P .. index, 0, most)
local sizes = call('HMGET', SIZES, unpack(letters))
for n, letter in ipairs(letters) do
  if bytes <= 0 and call('ZCARD', P .. index) - #oldest <= most then break end
  oldest[n] = letter
  bytes = bytes - (tonumber(sizes[n]) or 0)
end
forget(index, oldest)
return #oldest
