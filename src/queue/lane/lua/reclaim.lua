-- ARGV: a token. Gives back what a fetch took whose answer never arrived. Only the newest leases are looked through;
-- what is not among them comes back when its lease runs out. Answers how many were given back.
local back = {{}, {}, {}}
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
  local blobs, lists = redis.call('HMGET', JOB, unpack(ids)), {{}, {}, {}}
  for n, id in ipairs(ids) do
    if blobs[n] then
      local list = lists[place(blobs[n])]
      list[#list + 1] = id
    end
  end
  for p = 1, 3 do
    if #lists[p] > 0 then redis.call('LPUSH', READY[p], unpack(lists[p])) end
  end
  redis.call('ZREM', LEASE, unpack(ids))
  redis.call('HDEL', TOKEN, unpack(ids))
end
return #taken
