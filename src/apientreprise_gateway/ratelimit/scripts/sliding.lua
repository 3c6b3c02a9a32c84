-- Admits a call of a token unless its limit is reached in the window; the same rule as windows.SlidingWindow.
-- KEYS: the window, a list of instants.
-- ARGV: limit; length of the window (µs).
-- Returns {now, admitted, used, reset_at, free_at}; instants in µs of this server's clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])

local oldest = tonumber(redis.call('LINDEX', KEYS[1], 0))
while oldest and oldest <= now - window do
  redis.call('LPOP', KEYS[1])
  oldest = tonumber(redis.call('LINDEX', KEYS[1], 0))
end
-- A clock set back must not hold a caller for as long as it was wrong.
local newest = tonumber(redis.call('LINDEX', KEYS[1], -1))
while newest and newest > now do
  redis.call('RPOP', KEYS[1])
  newest = tonumber(redis.call('LINDEX', KEYS[1], -1))
end
local used = redis.call('LLEN', KEYS[1])
if used >= limit then
  -- More than the limit can be in the window when the limit was lowered meanwhile.
  local leaving = tonumber(redis.call('LINDEX', KEYS[1], used - limit))
  return {now, 0, used, oldest + window, leaving + window}
end
redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
if used == 0 then
  oldest = now
end
return {now, 1, used + 1, oldest + window, now}
