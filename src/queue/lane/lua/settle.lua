-- ARGV: how many are done, and id, token for each of them; then kind, id, token, attempts used, value for each other job. The kinds: retry
-- (value: wait in ms); dead (value: why); release (back to the front, no attempt used). An answer with a token that is not the lease's has
-- no effect. Answers how many had none.
local n_done = tonumber(ARGV[1])
local others = 1 + n_done * 2
local ids, ended, done, stale = {}, {}, {}, 0
for i = 2, others, 2 do ids[#ids + 1] = ARGV[i] end
for i = others + 1, #ARGV, 5 do ids[#ids + 1] = ARGV[i + 1] end
local tokens = redis.call('HMGET', TOKEN, unpack(ids))
for n = 1, n_done do
  if tokens[n] == ARGV[n * 2 + 1] then
    ended[#ended + 1] = ids[n]
    done[#done + 1] = ids[n]
  else
    stale = stale + 1
  end
end
local tally = {retry = 0, dead = 0, release = 0}
-- From the last to the first, so that jobs put back to the front keep their order.
for n = #ids, n_done + 1, -1 do
  local i = others + (n - n_done) * 5 - 4
  local kind, id, attempt, value = ARGV[i], ids[n], tonumber(ARGV[i + 3]), ARGV[i + 4]
  if tokens[n] ~= ARGV[i + 2] then
    stale = stale + 1
  else
    ended[#ended + 1] = id
    tally[kind] = tally[kind] + 1
    local blob = redis.call('HGET', JOB, id)
    if not blob then
      -- Nothing to keep: it was removed.
    elseif kind == 'release' then
      redis.call('LPUSH', READY[place(blob)], id)
    else
      local due = now
      if kind == 'retry' then due = now + value end
      if readable(blob) then
        local _, priority, _, allowed, _, _ = struct.unpack(HEADER, blob)
        blob = struct.pack(HEADER, VERSION, priority, attempt, allowed, 0, due) .. string.sub(blob, HEADER_BYTES + 1)
      end
      if kind == 'dead' then
        bury(id, blob, value)
      else
        redis.call('HSET', JOB, id, blob)
        if due > now then redis.call('ZADD', DELAYED, due, id) else redis.call('RPUSH', READY[place(blob)], id) end
      end
    end
  end
end
if #ended > 0 then
  redis.call('ZREM', LEASE, unpack(ended))
  redis.call('HDEL', TOKEN, unpack(ended))
end
if #done > 0 then redis.call('HDEL', JOB, unpack(done)) end
count('done', #done)
count('retried', tally.retry)
count('died', tally.dead)
count('released', tally.release)
return stale
