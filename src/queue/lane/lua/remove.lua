-- ARGV: ids. Takes jobs out that wait or are dead; one that runs is left to its worker. Answers how many went.
local removed = 0
for _, id in ipairs(ARGV) do
  if redis.call('HEXISTS', TOKEN, id) == 0 then
    if redis.call('HDEL', JOB, id) == 1 then
      removed = removed + 1
      if redis.call('ZREM', DELAYED, id) == 0 then redis.call('HINCRBY', GHOST, id, 1) end
    elseif redis.call('ZREM', DEAD, id) == 1 then
      removed = removed + 1
      redis.call('HDEL', BURIED, id)
      redis.call('HDEL', WHY, id)
    end
  end
end
return removed
