-- ARGV: lease (ms), then id, token for each job. Answers the ids whose lease is no longer ours.
local ids, leases, lost = {}, {}, {}
for i = 2, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local tokens = redis.call('HMGET', TOKEN, unpack(ids))
for n, id in ipairs(ids) do
  if tokens[n] == ARGV[n * 2 + 1] then
    leases[#leases + 1] = now + ARGV[1]
    leases[#leases + 1] = id
  else
    lost[#lost + 1] = id
  end
end
if #leases > 0 then redis.call('ZADD', LEASE, unpack(leases)) end
return lost
