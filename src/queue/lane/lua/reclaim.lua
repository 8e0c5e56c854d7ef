-- ARGV: a token. Gives back what a fetch took whose answer never arrived. Only the newest leases are looked through;
-- what is not among them comes back when its lease runs out. Answers how many were given back.
local taken = {}
local recent = redis.call('ZREVRANGE', LEASE, 0, 4999)
for first = 1, #recent, 1000 do
  local ids = {unpack(recent, first, math.min(first + 999, #recent))}
  local tokens = redis.call('HMGET', TOKEN, unpack(ids))
  for n, id in ipairs(ids) do
    if tokens[n] == ARGV[1] then taken[#taken + 1] = id end
  end
end
for first = 1, #taken, 1000 do
  local ids = {unpack(taken, first, math.min(first + 999, #taken))}
  make_ready('LPUSH', ids, redis.call('HMGET', JOB, unpack(ids)))
  redis.call('ZREM', LEASE, unpack(ids))
  redis.call('HDEL', TOKEN, unpack(ids))
end
return #taken
