-- Everything that is done to the limits of one portfolio, in one script with one hash: that Redis does not know it any more is
-- the sign that it was started anew and may have forgotten what was taken last.
--
-- KEYS[1] facts: generation, rebuilt_at (ms), account (ms until which nothing is called), micro-units used: budget:<run>,
--   and of the whole installation day:<its number> and month:<its number>
-- KEYS[2] tier:  contact -> when counted (ms), and `+` at infinity, so that a lost set is not taken for an empty one
-- Further keys and arguments are those of the command ARGV[1].
-- number: `next` or `next factor slowed_at` (µs, sixteenths, µs); rate: `next` (µs); pair: `next` or `next x until` (ms)

local KEEP_MS = 48 * 3600 * 1000
local PAIR_MS, PAIR_BURST = 6000, 45
local PAIR_FORGIVEN_MS, PAIR_X_MAX = 600000, 6
local STEP_US, HALVE_US = 5000000, 1000000

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local now_ms = math.floor(now / 1000)

local function whole(n) return string.format('%.0f', n) end

local function parsed(value)
  if not value then return 0, nil, nil end
  local a, b, c = string.match(value, '^(%d+) (%d+) (%d+)$')
  if a then return tonumber(a), tonumber(b), tonumber(c) end
  return tonumber(value), nil, nil
end

-- How many sixteenths of its rate a number has now.
local function factor(slowed, at)
  if not slowed then return 16 end
  return math.min(16, slowed + math.max(0, math.floor((now - at) / STEP_US)))
end

local function save_number(key, next_at, slowed, at)
  local ttl = math.max(0, math.ceil((next_at - now) / 1000)) + 1000
  if slowed and factor(slowed, at) < 16 then
    redis.call('SET', key, whole(next_at) .. ' ' .. slowed .. ' ' .. whole(at), 'PX', whole(ttl + 120000))
  else
    redis.call('SET', key, whole(next_at), 'PX', whole(ttl))
  end
end

local function save_pair(key, next_at, x, till)
  local ttl = math.max(1, next_at - now_ms)
  if x and till + PAIR_FORGIVEN_MS > now_ms then
    redis.call('SET', key, whole(next_at) .. ' ' .. x .. ' ' .. whole(till), 'PX',
      math.max(ttl, till + PAIR_FORGIVEN_MS - now_ms))
  else
    redis.call('SET', key, next_at, 'PX', ttl)
  end
end

local commands = {}

-- ARGV: generation known, tier (-1: none), span of the tier (ms), how many were promised a place before, numbers, rates, kinds of asks,
--   the asks, two bytes each: its kind; caps of the installation;
--   for each number: messages each second; for each run: messages each second (0: any), budget (-1: none), its name;
--   for each cap: its field among the facts, micro-units;
--   for each kind: number, run (places among the keys of their kind; 0: none), whether it takes from a pair (0, 1), whether its person
--   counts (0, 1), price, horizon (µs); then the persons that count, in the order of the asks.
--   Asks are much alike, and each argument costs as much as deciding: so what they have in common is said once.
-- KEYS: numbers, rates of runs, pairs in the order of the asks that take from one.
-- Answers: now, generation (-1: none, nothing was done), rebuilt_at, people counted; for each number: next and factor; for each ask one
--   number: 16 × (the slot in µs, or the moment in ms, after now) + what (0 granted, 1 number, 2 rate: not yet; 3 pair, 4 tier, 5 budget,
--   6 account, 7 cap: refused; of a cap its place stands for the moment), + 8 where it was granted and added a person.
function commands.take()
  local known, tier, span, rank = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local n_numbers, n_runs, n_kinds, asks = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
  local n_asks = #asks / 2
  local n_caps = tonumber(ARGV[10])
  local at_number, at_run = 10, 10 + n_numbers
  local at_cap = at_run + n_runs * 3
  local at_kind = at_cap + n_caps * 2
  local max = math.max

  local wanted = { 'generation', 'rebuilt_at', 'account' }
  for run = 1, n_runs do wanted[3 + run] = 'budget:' .. ARGV[at_run + run * 3] end
  for cap = 1, n_caps do wanted[3 + n_runs + cap] = ARGV[at_cap + cap * 2 - 1] end
  local facts = redis.call('HMGET', KEYS[1], unpack(wanted))
  local generation = tonumber(facts[1] or '-1')
  if generation < 0 or generation < known then return { now, -1, 0, 0 } end
  redis.call('PEXPIRE', KEYS[1], KEEP_MS)
  local account = tonumber(facts[3] or '0')
  local used = {}
  -- Of the runs, and behind them of the caps.
  for n = 1, n_runs + n_caps do used[n] = tonumber(facts[3 + n] or '0') end
  local before, cap_of = {}, {}
  for n = 1, n_runs + n_caps do before[n] = used[n] end
  for cap = 1, n_caps do cap_of[cap] = tonumber(ARGV[at_cap + cap * 2]) end

  local number_of, run_of, takes_pair, counts, price_of, horizon_of = {}, {}, {}, {}, {}, {}
  for kind = 1, n_kinds do
    local a = at_kind + (kind - 1) * 6
    number_of[kind], run_of[kind] = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
    takes_pair[kind], counts[kind] = ARGV[a + 3] == '1', ARGV[a + 4] == '1'
    price_of[kind], horizon_of[kind] = tonumber(ARGV[a + 5]), tonumber(ARGV[a + 6])
  end
  local kind_of, pair_of, person_of = {}, {}, {}
  local pair, person = n_numbers + n_runs, at_kind + n_kinds * 6
  for ask = 1, n_asks do
    local high, low = string.byte(asks, ask * 2 - 1, ask * 2)
    local kind = high * 256 + low
    kind_of[ask] = kind
    if takes_pair[kind] then
      pair = pair + 1
      pair_of[ask] = pair
    end
    if counts[kind] then
      person = person + 1
      person_of[ask] = ARGV[person]
    end
  end

  local states = {}
  if #KEYS > 2 then states = redis.call('MGET', unpack(KEYS, 3)) end

  local rate, slowed, slowed_at, gap, cursor, moved = {}, {}, {}, {}, {}, {}
  for n = 1, n_numbers do
    rate[n] = tonumber(ARGV[at_number + n])
    cursor[n], slowed[n], slowed_at[n] = parsed(states[n])
    gap[n] = math.ceil(16000000 / (rate[n] * factor(slowed[n], slowed_at[n])))
    -- Nobody reserves further ahead than a second: what lies beyond is from before the clock was put back.
    if cursor[n] > now + gap[n] + 2000000 then cursor[n] = now end
    cursor[n] = max(cursor[n], now)
  end
  local due, run_gap, budget, ran = {}, {}, {}, {}
  for run = 1, n_runs do
    local a = at_run + (run - 1) * 3
    local per_second = tonumber(ARGV[a + 1])
    run_gap[run] = per_second > 0 and math.ceil(1000000 / per_second) or 0
    budget[run] = tonumber(ARGV[a + 2])
    due[run] = tonumber(states[n_numbers + run] or '0')
    if due[run] > now + run_gap[run] + 2000000 then due[run] = now end
    due[run] = max(due[run], now)
  end

  local counted, n_counted, added, n_added = {}, 0, {}, 0
  if tier >= 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now_ms - span)
    local people = { '+' }
    for ask = 1, n_asks do people[#people + 1] = person_of[ask] end
    local scores = redis.call('ZMSCORE', KEYS[2], unpack(people))
    if not scores[1] then return { now, -1, 0, 0 } end
    redis.call('PEXPIRE', KEYS[2], KEEP_MS)
    for n = 2, #people do counted[people[n]] = scores[n] and true or nil end
    n_counted = redis.call('ZCARD', KEYS[2]) - 1
  else
    redis.call('UNLINK', KEYS[2])
  end

  local pairs_of, touched = {}, {}
  local answers = { now, generation, tonumber(facts[2] or '0'), 0 }
  local out = 4 + n_numbers * 2
  local n_tier_refused = 0

  local function answer(ask, what, after_now) answers[out + ask] = after_now * 16 + what end

  -- Grants, refuses, or says when to ask again. True when it was granted.
  local function try(ask, slot_max)
    local kind = kind_of[ask]
    local number, run, price, person = number_of[kind], run_of[kind], price_of[kind], person_of[ask]
    if number > 0 and account > now_ms then return answer(ask, 6, account - now_ms) end
    local p
    if pair_of[ask] then
      -- By its key: one person can be asked for twice.
      local key = KEYS[2 + pair_of[ask]]
      p = pairs_of[key]
      if not p then
        local next_at, x, till = parsed(states[pair_of[ask]])
        p = { max(math.min(next_at, now_ms + PAIR_BURST * PAIR_MS), now_ms), x, till }
        pairs_of[key] = p
      end
      if p[3] and p[3] > now_ms then return answer(ask, 3, p[3] - now_ms) end
      local free_at = p[1] - (PAIR_BURST - 1) * PAIR_MS
      if free_at > now_ms then return answer(ask, 3, free_at - now_ms) end
    end
    if tier >= 0 and person and not counted[person] and n_counted + n_added >= tier then
      -- The places that the set still has are given back in its order; each who is refused looks at another one.
      local place = math.min(n_counted - 1, n_counted + n_added - tier + rank + n_tier_refused)
      local first = place >= 0 and redis.call('ZRANGE', KEYS[2], place, place, 'WITHSCORES')[2]
      n_tier_refused = n_tier_refused + 1
      return answer(ask, 4, (tonumber(first or '') or now_ms) + span - now_ms)
    end
    if run > 0 and budget[run] >= 0 and used[run] + price > budget[run] then return answer(ask, 5, 0) end
    if price > 0 then
      for cap = 1, n_caps do
        if used[n_runs + cap] + price > cap_of[cap] then return answer(ask, 7, cap) end
      end
    end
    local slot = number > 0 and cursor[number] or now
    if run > 0 and run_gap[run] > 0 then slot = max(slot, due[run]) end
    if slot > slot_max then
      if run > 0 and run_gap[run] > 0 and due[run] >= slot then return answer(ask, 2, due[run] - now) end
      return answer(ask, 1, slot - now)
    end
    -- Everything that it needs is there.
    if number > 0 then
      cursor[number] = slot + gap[number]
      moved[number] = true
    end
    if run > 0 then
      if run_gap[run] > 0 then
        due[run] = max(due[run], slot - 20000) + run_gap[run]
        ran[run] = true
      end
      used[run] = used[run] + price
    end
    for cap = n_runs + 1, n_runs + n_caps do used[cap] = used[cap] + price end
    if p then
      p[1] = p[1] + PAIR_MS
      touched[KEYS[2 + pair_of[ask]]] = p
    end
    local is_new = false
    if tier >= 0 and person then
      is_new = not counted[person]
      if is_new then n_added = n_added + 1 end
      counted[person] = true
      -- Who was counted already gets another moment, so that whoever counted them first does not take them along when it goes back.
      added[#added + 1] = is_new and now_ms or now_ms + 1
      added[#added + 1] = person
    end
    answer(ask, is_new and 8 or 0, slot - now)
    return true
  end

  -- Whose run is not due yet lets others go first, and follows as soon as it is.
  local waits = {}
  local RUN_AHEAD_US = 20000
  local function is_early(number, run)
    return run > 0 and run_gap[run] > 0 and due[run] > (number > 0 and cursor[number] or now)
  end
  for ask = 1, n_asks do
    local kind = kind_of[ask]
    local number = number_of[kind]
    if is_early(number, run_of[kind]) then
      waits[#waits + 1] = ask
    elseif try(ask, now + horizon_of[kind]) and #waits > 0 then
      for n = 1, #waits do
        local other = kind_of[waits[n]]
        if number_of[other] == number and not is_early(number, run_of[other]) then
          try(table.remove(waits, n), now + horizon_of[other])
          break
        end
      end
    end
  end
  for n = 1, #waits do
    local kind = kind_of[waits[n]]
    -- Nobody is left to use the slots before it is due, but somebody may still come: only a short gap is made.
    try(waits[n], now + (is_early(number_of[kind], run_of[kind]) and RUN_AHEAD_US or horizon_of[kind]))
  end

  for n = 1, n_numbers do
    if moved[n] then save_number(KEYS[2 + n], cursor[n], slowed[n], slowed_at[n]) end
    answers[4 + n * 2 - 1], answers[4 + n * 2] = cursor[n], factor(slowed[n], slowed_at[n])
  end
  for run = 1, n_runs do
    if ran[run] then
      local ttl = max(1, math.ceil((due[run] - now) / 1000))
      redis.call('SET', KEYS[2 + n_numbers + run], whole(due[run]), 'PX', ttl)
    end
  end
  for n = 1, n_runs + n_caps do
    if used[n] ~= before[n] then redis.call('HINCRBY', KEYS[1], wanted[3 + n], whole(used[n] - before[n])) end
  end
  for key, p in pairs(touched) do save_pair(key, p[1], p[2], p[3]) end
  if #added > 0 then redis.call('ZADD', KEYS[2], unpack(added)) end
  answers[4] = n_counted + n_added
  return answers
end

-- ARGV: generation; for each: person (or empty), when it was counted, run (or empty), price, pair (place among the keys; 0: none), the
--   fields of the caps that it counts toward, with a space between them.
-- KEYS: pairs. What was taken under another generation is not in what this one counts.
function commands.give_back()
  if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then return 0 end
  for a = 3, #ARGV, 6 do
    local person, at, run, price, pair = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], tonumber(ARGV[a + 4])
    -- Somebody else may have counted the same person since.
    if person ~= '' and redis.call('ZSCORE', KEYS[2], person) == at then redis.call('ZREM', KEYS[2], person) end
    if tonumber(price) > 0 then
      local back = whole(-tonumber(price))
      for field in string.gmatch(ARGV[a + 5], '%S+') do redis.call('HINCRBY', KEYS[1], field, back) end
      if run ~= '' then redis.call('HINCRBY', KEYS[1], 'budget:' .. run, back) end
    end
    if pair > 0 then
      local next_at, x, till = parsed(redis.call('GET', KEYS[2 + pair]))
      if next_at > now_ms then save_pair(KEYS[2 + pair], next_at - PAIR_MS, x, till) end
    end
  end
  return 1
end

-- KEYS: a number. Halves its rate; refusals of calls that left before it was halved do not halve it again.
function commands.slow_number()
  local next_at, slowed, at = parsed(redis.call('GET', KEYS[3]))
  local present = factor(slowed, at)
  if slowed and now - at < HALVE_US then return present end
  present = math.max(1, math.floor(present / 2))
  save_number(KEYS[3], math.max(next_at, now), present, now)
  return present
end

-- KEYS: a pair. Puts it to sleep for 4^x seconds, one more x each time until it was forgiven.
function commands.slow_pair()
  local next_at, x, till = parsed(redis.call('GET', KEYS[3]))
  if till and till > now_ms then return till end
  if x and till + PAIR_FORGIVEN_MS > now_ms then x = math.min(PAIR_X_MAX, x + 1) else x = 0 end
  till = now_ms + 1000 * 4 ^ x
  save_pair(KEYS[3], math.max(next_at, now_ms), x, till)
  return till
end

-- ARGV: for how long (ms).
function commands.slow_account()
  local till = math.max(now_ms + tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[1], 'account') or '0'))
  redis.call('HSET', KEYS[1], 'account', whole(till))
  redis.call('PEXPIRE', KEYS[1], KEEP_MS)
  return till
end

-- ARGV: generation. Grants nothing more under it; 1 when it was the one in force.
function commands.close()
  if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[2] then return 0 end
  return redis.call('HDEL', KEYS[1], 'generation')
end

-- KEYS: pairs; ARGV: for each when its debt is paid (ms).
function commands.load_pairs()
  for n = 3, #KEYS do
    local next_at, x, till = parsed(redis.call('GET', KEYS[n]))
    local paid = tonumber(ARGV[n - 1])
    if paid > now_ms and paid > next_at then save_pair(KEYS[n], paid, x, till) end
  end
  return #KEYS - 2
end

-- KEYS: facts and tier as they were loaded; ARGV: generation, fields of the facts, members of the tier (-1: there is none).
-- Puts them in force when they are whole and newer; answers the generation in force, or -1.
function commands.open()
  local new, n_fields, n_members = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local present = tonumber(redis.call('HGET', KEYS[1], 'generation') or '-1')
  local is_whole = redis.call('HLEN', KEYS[3]) == n_fields and (n_members < 0 or redis.call('ZCARD', KEYS[4]) == n_members)
  if present >= new or not is_whole then
    redis.call('UNLINK', KEYS[3], KEYS[4])
    return present
  end
  local account = redis.call('HGET', KEYS[1], 'account')
  if account then redis.call('HSET', KEYS[3], 'account', account) end
  redis.call('HSET', KEYS[3], 'generation', whole(new), 'rebuilt_at', whole(now_ms))
  redis.call('RENAME', KEYS[3], KEYS[1])
  redis.call('PEXPIRE', KEYS[1], KEEP_MS)
  if n_members < 0 then
    redis.call('UNLINK', KEYS[2])
  else
    redis.call('RENAME', KEYS[4], KEYS[2])
    redis.call('PEXPIRE', KEYS[2], KEEP_MS)
  end
  return new
end

-- ARGV: span of the tier (ms), parts of it; KEYS: numbers. Answers: now, generation, people counted, account; for each number its
-- factor; for each part of the span, the nearest first, how many places it gives back.
function commands.standing()
  local span, parts = tonumber(ARGV[2]), tonumber(ARGV[3])
  local answers = {
    now, tonumber(redis.call('HGET', KEYS[1], 'generation') or '-1'),
    redis.call('ZCOUNT', KEYS[2], '(' .. whole(now_ms - span), '(+inf'),
    tonumber(redis.call('HGET', KEYS[1], 'account') or '0')
  }
  for n = 3, #KEYS do
    local _, slowed, at = parsed(redis.call('GET', KEYS[n]))
    answers[#answers + 1] = factor(slowed, at)
  end
  for part = 0, parts - 1 do
    local from = now_ms - span + math.floor(span * part / parts)
    local to = part + 1 < parts and whole(now_ms - span + math.floor(span * (part + 1) / parts)) or '(+inf'
    answers[#answers + 1] = redis.call('ZCOUNT', KEYS[2], '(' .. whole(from), to)
  end
  return answers
end

return commands[ARGV[1]]()
