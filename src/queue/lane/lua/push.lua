-- ARGV: id, priority, attempts allowed, due (ms, 0 = now), payload, for each job. Answers how many were new.
local fresh, ready = 0, {{}, {}, {}}
local any_dead = redis.call('EXISTS', DEAD) == 1
for i = 1, #ARGV, 5 do
  local id, priority, allowed, due = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local blob = struct.pack(HEADER, VERSION, priority, 0, allowed, 0, math.max(now, due)) .. ARGV[i + 4]
  if redis.call('HSETNX', JOB, id, blob) == 1 then
    fresh = fresh + 1
    if any_dead and redis.call('ZREM', DEAD, id) == 1 then
      redis.call('HDEL', BURIED, id)
      redis.call('HDEL', WHY, id)
    end
    if due > now then
      redis.call('ZADD', DELAYED, due, id)
    else
      local list = ready[priority + 1]
      list[#list + 1] = id
    end
  end
end
for p = 1, 3 do
  if #ready[p] > 0 then redis.call('RPUSH', READY[p], unpack(ready[p])) end
end
count('pushed', fresh)
return fresh
