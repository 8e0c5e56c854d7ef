-- ARGV: ids. Answers 1 for each that is ready, delayed or leased, else 0.
local answer = {}
for n, id in ipairs(ARGV) do answer[n] = redis.call('HEXISTS', JOB, id) end
return answer
