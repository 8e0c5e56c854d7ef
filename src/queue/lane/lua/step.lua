-- One bounded step of the mover. ARGV: at most how many, reap only until this instant (ms, 0 = not at all),
-- how many leases of one job may run out. Answers {now, moved, reaped, ready, ms until the next delayed job or -1}.
local limit, moved, reaped = tonumber(ARGV[1]), 0, 0

local due = redis.call('ZRANGE', DELAYED, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
if #due > 0 then
  make_ready('RPUSH', due, redis.call('HMGET', JOB, unpack(due)))
  redis.call('ZREMRANGEBYRANK', DELAYED, 0, #due - 1)
  moved = #due
end

-- The caller says until when its view is fresh enough to take leases away: a step that was held up by an outage or a stall
-- arrives later than that and must not reap before those who hold leases had a chance to renew them.
if now <= tonumber(ARGV[2]) then
  local expired = redis.call('ZRANGE', LEASE, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  if #expired > 0 then
    local blobs, ids, lives = redis.call('HMGET', JOB, unpack(expired)), {}, {}
    -- From the last on, so that the one which has waited longest comes to lie in front.
    for n = #expired, 1, -1 do
      local id, blob = expired[n], blobs[n]
      if readable(blob) then
        local _, priority, attempt, allowed, lost, since = struct.unpack(HEADER, blob)
        blob = struct.pack(HEADER, VERSION, priority, attempt, allowed, math.min(lost + 1, 255), since)
          .. string.sub(blob, HEADER_BYTES + 1)
        if lost + 1 > tonumber(ARGV[3]) then
          bury(id, blob, 'its worker died ' .. (lost + 1) .. ' times while running it')
          count('died', 1)
          blob = false
        else
          redis.call('HSET', JOB, id, blob)
        end
      end
      ids[#ids + 1], lives[#lives + 1] = id, blob
    end
    make_ready('LPUSH', ids, lives)
    redis.call('ZREMRANGEBYRANK', LEASE, 0, #expired - 1)
    redis.call('HDEL', TOKEN, unpack(expired))
    reaped = #expired
    count('reaped', reaped)
  end
end

local ready, wait = 0, -1
for p = 1, 3 do ready = ready + redis.call('LLEN', READY[p]) end
local next_due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
if next_due[2] then wait = math.max(0, tonumber(next_due[2]) - now) end
return {now, moved, reaped, ready, wait}
