-- Shared by every script of a lane. All keys share one hash tag, so Redis Cluster runs them on one node.
-- A job is `header .. payload` in JOB; the lists and sorted sets hold ids only. The header (15 bytes, little endian):
-- version, priority, attempts used, attempts allowed, leases that ran out, and since when (ms) the job could have run.
local JOB, LEASE, TOKEN, DELAYED, DEAD = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local BURIED, WHY, GHOST, STATS = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local READY = {KEYS[10], KEYS[11], KEYS[12]}
local HEADER, HEADER_BYTES, VERSION = '<BBHHBI8', 15, 1

-- The server's clock: the clients' clocks differ from each other.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function readable(blob)
  return blob and #blob >= HEADER_BYTES and string.byte(blob, 1) == VERSION
end

-- Which ready list (1 to 3) a job belongs to. One that cannot be read is handed out early, so that a worker buries it.
local function place(blob)
  if not readable(blob) then return 1 end
  return math.min(string.byte(blob, 2), 2) + 1
end

-- Puts jobs at one end (LPUSH, RPUSH) of the ready lists that they belong to. `blobs` goes with `ids`; one that is not there any more
-- is left out.
local function make_ready(push, ids, blobs)
  local lists = {{}, {}, {}}
  for n, id in ipairs(ids) do
    if blobs[n] then
      local list = lists[place(blobs[n])]
      list[#list + 1] = id
    end
  end
  for p = 1, 3 do
    if #lists[p] > 0 then redis.call(push, READY[p], unpack(lists[p])) end
  end
end

local function count(what, n)
  if n > 0 then redis.call('HINCRBY', STATS, what, n) end
end

local function bury(id, blob, why)
  redis.call('ZADD', DEAD, now, id)
  redis.call('HSET', BURIED, id, blob)
  redis.call('HSET', WHY, id, why)
  redis.call('HDEL', JOB, id)
end
