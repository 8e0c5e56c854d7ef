-- Answers {ready, delayed, leased, dead, age of the oldest ready job (ms) or -1, pushed, done, retried, died, reaped, released}.
local ready, oldest = 0, -1
for p = 1, 3 do
  ready = ready + redis.call('LLEN', READY[p])
  local first = redis.call('LINDEX', READY[p], 0)
  local blob = first and redis.call('HGET', JOB, first)
  if readable(blob) then
    local _, _, _, _, _, since = struct.unpack(HEADER, blob)
    oldest = math.max(oldest, now - since, 0)
  end
end
local answer = {
  math.max(0, ready - redis.call('HLEN', GHOST)), redis.call('ZCARD', DELAYED), redis.call('ZCARD', LEASE),
  redis.call('ZCARD', DEAD), oldest,
}
for _, n in ipairs(redis.call('HMGET', STATS, 'pushed', 'done', 'retried', 'died', 'reaped', 'released')) do
  answer[#answer + 1] = tonumber(n or 0)
end
return answer
