-- ARGV: ids of dead jobs. They become ready with all their attempts before them. Answers how many were dead.
local requeued = 0
for _, id in ipairs(ARGV) do
  if redis.call('ZREM', DEAD, id) == 1 then
    requeued = requeued + 1
    local blob = redis.call('HGET', BURIED, id)
    if readable(blob) then
      local _, priority, _, allowed, _, _ = struct.unpack(HEADER, blob)
      blob = struct.pack(HEADER, VERSION, priority, 0, allowed, 0, now) .. string.sub(blob, HEADER_BYTES + 1)
    end
    if blob and redis.call('HSETNX', JOB, id, blob) == 1 then redis.call('RPUSH', READY[place(blob)], id) end
    redis.call('HDEL', BURIED, id)
    redis.call('HDEL', WHY, id)
  end
end
return requeued
