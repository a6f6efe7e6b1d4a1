-- Stores outcomes, also for those who joined their flights, and tells who listens. It reads the records of so many bytes
-- only, and says where it stopped: who calls goes on from there.
--
-- ARGV  the reply channel of jobs without one of their own; `1` where it goes on with those who joined (or `0`): one that
--       has ended is no duplicate then; the most bytes that it reads, and gives those who joined; what one of these counts
--       besides its result; the models of the results (models.lua); the number of groups;
--       for each group: the id of a job, its lines, for each line the field of `answers` and `\n` (no field where it
--       failed), and for each line its fingerprint
-- Keys  reads `open`, `ended`; writes `open`, `bodies`, `deadlines`, `ended`, `answers`, `ids`, `models`, `counts`;
--       publishes to `reply:<channel>`
-- Reply the numbers of groups that were taken, of stored outcomes and of duplicates; for each outcome that answers something
--       else than was asked the id of its job and its place; and for each of those who joined and found no room a line: the
--       id and the place of who led, and its own

local replyTo, joined, room, perFollower, groups, ids = arg(), arg() == '1', num(), num(), {}, {}
saveModels()
local records = {}
-- Looks where a job is, and gives the bytes of its record.
local function locate(id)
  local bytes = openBytes(id)
  if bytes > 0 or records[id] ~= nil then return bytes end
  for back = 0, slices.ended[2] - 1 do
    local key = slice('ended', back)
    bytes = call('HSTRLEN', key, id)
    if bytes > 0 then
      records[id] = key
      return bytes
    end
  end
  return 0
end
-- What a job ended as: its size and its fingerprints.
local function recordOf(id)
  local key = records[id]
  if type(key) == 'string' then
    local text = call('HGET', key, id)
    local size, behind = string.match(text, '^(%w+)\n()')
    records[id] = {size = size, prints = (printsOf(text, behind))}
  end
  return records[id]
end
for n = 1, num() do
  local group = {id = arg(), lines = arg(), fields = arg(), prints = arg()}
  room = room - locate(group.id)
  if n > 1 and room < 0 then break end
  ids[n] = group.id
  groups[n] = group
end
load(ids)

local stored, conflicts, answers, given, leaders, landing = 0, {}, {}, {}, {}, {}
-- The job, open or ended, that an outcome is of, with its id and the place there. A place of what is no such list belongs to
-- the id of a single request.
local function find(base, place)
  local open, record = jobs[base], recordOf(base)
  local known = open or record
  if known and has(known.size, place) then return base, place, open, record end
  -- Of a list there is no such request.
  if known and place == 's' then return base, place, nil, {prints = ''} end
  if place == 's' then return base, place, open, record end
  local id = base .. '.' .. place
  if jobs[id] == nil then
    locate(id)
    load({id})
  end
  return id, 's', jobs[id], recordOf(id)
end
-- Stores one outcome. Returns the job that it has ended a request of, where its line is to be added.
local function store(base, place, answer, field, fingerprint)
  local id, its, job, record = find(base, place)
  if not job and not record and not joined then
    -- A producer's own request that never passed ingress: accepted by being answered.
    job = {
      id = id, size = 's', open = 1, attempts = 1, channel = '', prints = fingerprint, lines = '', joins = '', fresh = true,
    }
    jobs[id] = job
    given[#given + 1] = id
    count('accepted', 1)
  end
  local known = job or record
  if known and not fits(known.prints, its, fingerprint) then
    conflicts[#conflicts + 1] = {id, its}
  elseif job and settle(job, its, answer, replyTo) then
    stored = stored + 1
    if field ~= '' then
      answers[#answers + 1] = field
      answers[#answers + 1] = answer
    end
    if job.joins ~= '' then
      if not landing[job] then leaders[#leaders + 1] = job end
      landing[job] = landing[job] or {}
      landing[job][its] = answer
    end
    if its == place then return job end
    add(job, its .. '\t0' .. answer .. '\n')
  elseif not joined then
    count('duplicates', 1)
  end
end
for _, group in ipairs(groups) do
  local lines, fields, from, begin, number = group.lines, group.fields, 1, 1, 0
  -- The lines since `first` go to this job, as they were given.
  local to, first
  while from <= #lines do
    local tab = string.find(lines, '\t', from, true)
    local till, ends = string.find(lines, '\n', tab, true), string.find(fields, '\n', begin, true)
    local place, answer = string.sub(lines, from, tab - 1), string.sub(lines, tab + 2, till - 1)
    local fingerprint = string.sub(group.prints, number * PRINT_LENGTH + 1, (number + 1) * PRINT_LENGTH)
    local job = store(group.id, place, answer, string.sub(fields, begin, ends - 1), fingerprint)
    if job ~= to then
      if to then add(to, string.sub(lines, first, from - 1)) end
      to, first = job, from
    end
    number, from, begin = number + 1, till + 1, ends + 1
  end
  if to then add(to, string.sub(lines, first)) end
end
-- Behind all that were given: who joined one of them may have an outcome of its own among them.
local left = {}
for _, leader in ipairs(leaders) do
  landed(leader, function(place, id, its)
    local answer = landing[leader][place]
    room = room - #answer - perFollower
    if jobs[id] == nil and room >= 0 then
      room = room - openBytes(id)
      if room >= 0 then load({id}) end
    end
    if jobs[id] and settle(jobs[id], its, answer) then add(jobs[id], its .. '\t0' .. answer .. '\n')
    elseif jobs[id] == nil then left[#left + 1] = leader.id .. '\t' .. place .. '\t' .. id .. '\t' .. its end
  end)
end
keep('SADD', 'ids', given)
keep('HSET', 'answers', answers)
finish()
return {#groups, stored, counts.duplicates, conflicts, left}
