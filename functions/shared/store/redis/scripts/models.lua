-- The models of results. Stands behind the prelude.
--
-- ARGV  where a script calls `saveModels`: their number, and for each its id and its text
-- Keys  reads and writes `models`

local function saveModel(id, text)
  local key, ttl = P .. 'models', slices.ids[1] * slices.ids[2]
  if call('HSETNX', key, id, text) == 1 or call('PTTL', key) < ttl / 2 then
    call('PEXPIRE', key, string.format('%d', ttl))
  end
end

-- The models that follow, each an id and its text.
local function saveModels()
  for _ = 1, num() do saveModel(arg(), arg()) end
end
