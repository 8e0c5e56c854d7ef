-- ARGV: how many, lease (ms), token. Answers {jobs still ready, {id, blob, id, blob, ...}}.
local want, ids = tonumber(ARGV[1]), {}
local any_ghosts = redis.call('EXISTS', GHOST) == 1

-- A ghost is the list entry of a job that was removed while it waited: taking it out of the list would cost O(list).
local function is_ghost(id)
  if not any_ghosts then return false end
  local n = tonumber(redis.call('HGET', GHOST, id) or 0)
  if n > 1 then redis.call('HINCRBY', GHOST, id, -1) elseif n == 1 then redis.call('HDEL', GHOST, id) end
  return n > 0
end

local rounds = 0
for p = 1, 3 do
  while #ids < want and rounds < 10 do
    rounds = rounds + 1
    local got = redis.call('LPOP', READY[p], want - #ids)
    if not got then break end
    for _, id in ipairs(got) do
      if not is_ghost(id) then ids[#ids + 1] = id end
    end
  end
end

local out = {}
if #ids > 0 then
  local blobs, tokens = redis.call('HMGET', JOB, unpack(ids)), redis.call('HMGET', TOKEN, unpack(ids))
  local leases, marks = {}, {}
  for n, id in ipairs(ids) do
    if blobs[n] and not tokens[n] then
      leases[#leases + 1] = now + ARGV[2]
      leases[#leases + 1] = id
      marks[#marks + 1] = id
      marks[#marks + 1] = ARGV[3]
      out[#out + 1] = id
      out[#out + 1] = blobs[n]
    end
  end
  if #out > 0 then
    redis.call('ZADD', LEASE, unpack(leases))
    redis.call('HSET', TOKEN, unpack(marks))
  end
end
local left = 0
for p = 1, 3 do left = left + redis.call('LLEN', READY[p]) end
return {left, out}
