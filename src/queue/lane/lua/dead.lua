-- ARGV: offset, at most how many. Answers {id, died at (ms), why, blob, ...}, the latest first.
local first = tonumber(ARGV[1])
local rows, answer = redis.call('ZREVRANGE', DEAD, first, first + ARGV[2] - 1, 'WITHSCORES'), {}
for i = 1, #rows, 2 do
  answer[#answer + 1] = rows[i]
  answer[#answer + 1] = tonumber(rows[i + 1])
  answer[#answer + 1] = redis.call('HGET', WHY, rows[i]) or ''
  answer[#answer + 1] = redis.call('HGET', BURIED, rows[i]) or ''
end
return answer
