-- Admits a call of a token unless its limit is reached in the period; the same rule as windows.FirstCallWindow.
-- KEYS: the period, a hash of its start and of the calls in it.
-- ARGV: limit; length of the period (µs).
-- Returns {now, admitted, used, reset_at, free_at}; instants in µs of this server's clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])

local period = redis.call('HMGET', KEYS[1], 'start', 'used')
local start, used = tonumber(period[1]), tonumber(period[2])
if not start or now >= start + window or now < start then
  start, used = now, 0
  redis.call('HSET', KEYS[1], 'start', string.format('%.0f', start), 'used', 0)
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
end
local reset_at = start + window
if used >= limit then
  return {now, 0, used, reset_at, reset_at}
end
redis.call('HINCRBY', KEYS[1], 'used', 1)
return {now, 1, used + 1, reset_at, now}
