-- Removes entries that have expired, some at a time.
-- KEYS and the field '': as in put.lua.
-- ARGV: how many at most; bytes that an entry takes besides its name and itself.
-- Returns {removed, entries left, bytes left}.
local entries, ends = KEYS[1], KEYS[2]
local overhead = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local ended = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, ARGV[1])
local freed = 0
for _, name in ipairs(ended) do
  local size = redis.call('HSTRLEN', entries, name)
  if size > 0 then
    freed = freed + #name + size + overhead
    redis.call('HDEL', entries, name)
  end
  redis.call('ZREM', ends, name)
end
if #ended == 0 then
  return {0, redis.call('ZCARD', ends), tonumber(redis.call('HGET', entries, '') or 0)}
end
return {#ended, redis.call('ZCARD', ends), redis.call('HINCRBY', entries, '', -freed)}
