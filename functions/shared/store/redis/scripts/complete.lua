-- Stores outcomes, also for those who joined their flights, and tells who listens.
--
-- ARGV  the reply channel of jobs without one of their own; the models of the results (models.lua); the number of groups;
--       for each group: the id of a job, its lines, for each line its fixture and `\n` (no fixture where it failed), and
--       for each line its fingerprint
-- Keys  reads `open`, `ended`; writes `open`, `bodies`, `deadlines`, `ended`, `answers`, `ids`, `models`, `counts`;
--       publishes to `reply:<channel>`
-- Reply the numbers of stored outcomes and of duplicates, and for each outcome that answers something else than was asked
--       the id of its job and its place

local replyTo, digestOf, groups, ids = arg(), saveModels(), {}, {}
for n = 1, num() do
  groups[n] = {base = arg(), lines = arg(), fixtures = arg(), prints = arg()}
  ids[n] = groups[n].base
end
load(ids)
-- A place of what is no such list belongs to the id of a single request.
local outcomes, others = {}, {}
for _, group in ipairs(groups) do
  local list, from, begin, number = jobs[group.base], 1, 1, 0
  while true do
    local tab = string.find(group.lines, '\t', from, true)
    if not tab then break end
    local till = string.find(group.lines, '\n', tab, true)
    local ends = string.find(group.fixtures, '\n', begin, true)
    local outcome = {
      id = group.base,
      place = string.sub(group.lines, from, tab - 1),
      result = string.sub(group.lines, tab + 1, till - 1),
      fixture = string.sub(group.fixtures, begin, ends - 1),
      print = string.sub(group.prints, number * PRINT_LENGTH + 1, (number + 1) * PRINT_LENGTH),
    }
    number = number + 1
    if not (list and has(list, outcome.place)) then others[#others + 1] = outcome end
    outcomes[#outcomes + 1] = outcome
    from, begin = till + 1, ends + 1
  end
end
if #others > 0 then
  local candidates, singles = {}, {}
  for n, outcome in ipairs(others) do candidates[n] = outcome.id end
  local ended = read('ended', candidates)
  for _, outcome in ipairs(others) do
    local record = ended[outcome.id]
    local size = record and string.match(record, '^%w+') or jobs[outcome.id] and jobs[outcome.id].size
    if size and (has({size = size}, outcome.place) or outcome.place == 's') then
      outcome.over = true
      outcome.record = has({size = size}, outcome.place) and record
    elseif outcome.place ~= 's' then
      outcome.id = outcome.id .. '.' .. outcome.place
      outcome.place = 's'
      singles[#singles + 1] = outcome.id
    end
  end
  load(singles)
  ended = read('ended', singles)
  local printsIn = {}
  for _, outcome in ipairs(others) do
    local record = outcome.record or ended[outcome.id]
    if record then
      printsIn[record] = printsIn[record] or printsOf(record, string.find(record, '\n', 1, true) + 1)
      outcome.over = true
      outcome.conflict = not fits(printsIn[record], outcome.place, outcome.print)
    end
  end
end
local stored, conflicts, answers, given, landed = 0, {}, {}, {}, {}
for _, outcome in ipairs(outcomes) do
  local job, result = jobs[outcome.id], outcome.result
  if not job and not outcome.over then
    -- A producer's own request that never passed ingress: accepted by being answered.
    job = {
      id = outcome.id, size = 's', open = 1, attempts = 1, channel = '', prints = outcome.print,
      results = {}, lines = {}, joined = {}, fresh = true,
    }
    jobs[outcome.id] = job
    given[#given + 1] = outcome.id
    count('accepted', 1)
  end
  if outcome.conflict or job and not outcome.over and not fits(job.prints, outcome.place, outcome.print) then
    conflicts[#conflicts + 1] = {outcome.id, outcome.place}
  elseif not outcome.over and settle(job, outcome.place, result, replyTo) then
    stored = stored + 1
    if outcome.fixture ~= '' then
      answers[#answers + 1] = digestOf[string.sub(result, 2, ID_LENGTH + 1)] .. outcome.fixture
      answers[#answers + 1] = string.sub(result, 2)
    end
    if #job.joined > 0 then landed[#landed + 1] = {job = job, place = outcome.place, result = result} end
  else
    count('duplicates', 1)
  end
end
-- Behind all that were given: who joined one of them may have an outcome of its own among them.
for _, leader in ipairs(landed) do
  for _, follower in ipairs(followersOf(leader.job, leader.place)) do
    load({follower[2]})
    if jobs[follower[2]] then settle(jobs[follower[2]], follower[3], leader.result) end
  end
end
keep('SADD', 'ids', given)
keep('HSET', 'answers', answers)
finish()
return {stored, counts.duplicates, conflicts}
