-- Admits a call of a token unless the limit of one of its windows is reached; the same rule as windows.SlidingWindow.
-- A call that one window refuses is counted in none.
-- KEYS: each window, a list of instants; all of one hash tag.
-- ARGV: for each window its limit and its length (µs).
-- Returns {now, admitted}, then used, reset_at, free_at for each window; instants in µs of this server's clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local reply = {now, 1}

for place, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
  local oldest = tonumber(redis.call('LINDEX', key, 0))
  while oldest and oldest <= now - window do
    redis.call('LPOP', key)
    oldest = tonumber(redis.call('LINDEX', key, 0))
  end
  -- A clock set back must not hold a caller for as long as it was wrong.
  local newest = tonumber(redis.call('LINDEX', key, -1))
  while newest and newest > now do
    redis.call('RPOP', key)
    newest = tonumber(redis.call('LINDEX', key, -1))
  end
  local used = redis.call('LLEN', key)
  local free_at = now
  if used >= limit then
    -- More than the limit can be in the window when the limit was lowered meanwhile.
    free_at = tonumber(redis.call('LINDEX', key, used - limit)) + window
    reply[2] = 0
  elseif used == 0 then
    oldest = now
  end
  reply[3 * place], reply[3 * place + 1], reply[3 * place + 2] = used, oldest + window, free_at
end
if reply[2] == 0 then
  return reply
end
for place, key in ipairs(KEYS) do
  redis.call('RPUSH', key, string.format('%.0f', now))
  -- A millisecond more, as keys end by a clock that a script may find a little behind TIME.
  redis.call('PEXPIRE', key, math.ceil(ARGV[2 * place] / 1000) + 1)
  reply[3 * place] = reply[3 * place] + 1
end
return reply
