-- ARGV: id, priority, attempts allowed, due (ms, 0 = now), payload, for each job. Answers how many were new.
local ids = {}
for i = 1, #ARGV, 5 do ids[#ids + 1] = ARGV[i] end
local known = redis.call('HMGET', JOB, unpack(ids))
local fresh, jobs, ready, delayed = {}, {}, {{}, {}, {}}, {}
local pushed = {}
for n, id in ipairs(ids) do
  if not known[n] and not pushed[id] then
    pushed[id] = true
    local i = n * 5 - 4
    local priority, allowed, due = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
    fresh[#fresh + 1] = id
    jobs[#jobs + 1] = id
    jobs[#jobs + 1] = struct.pack(HEADER, VERSION, priority, 0, allowed, 0, math.max(now, due)) .. ARGV[i + 4]
    if due > now then
      delayed[#delayed + 1] = due
      delayed[#delayed + 1] = id
    else
      local list = ready[priority + 1]
      list[#list + 1] = id
    end
  end
end
if #fresh > 0 then
  redis.call('HSET', JOB, unpack(jobs))
  if redis.call('EXISTS', DEAD) == 1 and redis.call('ZREM', DEAD, unpack(fresh)) > 0 then
    redis.call('HDEL', BURIED, unpack(fresh))
    redis.call('HDEL', WHY, unpack(fresh))
  end
  if #delayed > 0 then redis.call('ZADD', DELAYED, unpack(delayed)) end
  for p = 1, 3 do
    if #ready[p] > 0 then redis.call('RPUSH', READY[p], unpack(ready[p])) end
  end
  count('pushed', #fresh)
end
return #fresh
