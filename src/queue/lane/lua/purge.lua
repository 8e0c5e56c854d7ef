-- ARGV: age (ms), at most how many. Forgets dead jobs that died longer ago. Answers how many.
local ids = redis.call('ZRANGE', DEAD, '-inf', now - ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
if #ids > 0 then
  redis.call('ZREM', DEAD, unpack(ids))
  redis.call('HDEL', BURIED, unpack(ids))
  redis.call('HDEL', WHY, unpack(ids))
end
return #ids
