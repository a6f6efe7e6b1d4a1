-- What most scripts begin with: their arguments, and the hashes that are cut in slices of time (see ../scripts.ts).
--
-- ARGV  the ms of a slice of `ended`, `answers`, `ids` and `said` (`sliceLengths`), before those of the script
-- Keys  reads and writes the slices that a script names

local at = 0
local function arg() at = at + 1; return ARGV[at] end
local function num() return tonumber(arg()) end
local call = redis.call
local P = 'kickoff:'
local time = call('TIME')
local clock = time[1] * 1000 + math.floor(time[2] / 1000)
-- The length of a slice in ms (from sliceLengths), and how many of them are read.
local slices = {ended = {num(), 3}, answers = {num(), 2}, ids = {num(), 8}, said = {num(), 3}}
local function slice(name, back)
  return string.format('%s%s:%d', P, name, math.floor(clock / slices[name][1]) - back)
end

-- Lua can pass some 8000 arguments to a call; replies are put behind each other. `option` stands before the values.
local function inSteps(values, command, key, option)
  local function of(...)
    if option then return call(command, key, option, ...) end
    return call(command, key, ...)
  end
  if #values == 0 then return {} end
  if #values <= 4000 then return of(unpack(values)) end
  local replies = {}
  for first = 1, #values, 4000 do
    local reply = of(unpack(values, first, math.min(first + 3999, #values)))
    if type(reply) == 'table' then for _, one in ipairs(reply) do replies[#replies + 1] = one end end
  end
  return replies
end

-- Writes to the slice of now. The one that nobody reads any more goes with its first write: expiring would free it on the
-- main thread.
local function keep(command, name, values)
  if #values == 0 then return end
  local key = slice(name, 0)
  local first = call('EXISTS', key) == 0
  inSteps(values, command, key)
  if first then
    local length, read = unpack(slices[name])
    call('UNLINK', slice(name, read))
    call('PEXPIRE', key, string.format('%d', (read + 1) * length))
  end
end

-- The values of fields by field, from the newest slice that has them.
local function read(name, fields)
  local values = {}
  for back = 0, slices[name][2] - 1 do
    if #fields == 0 then break end
    local key, missing = slice(name, back), {}
    if call('EXISTS', key) == 1 then
      for n, value in ipairs(inSteps(fields, 'HMGET', key)) do
        if value then values[fields[n]] = value else missing[#missing + 1] = fields[n] end
      end
      fields = missing
    end
  end
  return values
end
