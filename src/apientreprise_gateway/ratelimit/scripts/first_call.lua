-- Admits a call of a token unless the limit of one of its periods is reached; the same rule as windows.FirstCallWindow.
-- A call that one period refuses is counted in none, and opens none.
-- KEYS: each period, a hash of its start and of the calls in it; all of one hash tag.
-- ARGV: for each period the limit and the length (µs).
-- Returns {now, admitted}, then used, reset_at, free_at for each period; instants in µs of this server's clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local reply = {now, 1}

for place, key in ipairs(KEYS) do
  local limit, window = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
  local period = redis.call('HMGET', key, 'start', 'used')
  local start, used = tonumber(period[1]), tonumber(period[2])
  if not start or now >= start + window or now < start then
    start, used = now, 0
  end
  local free_at = now
  if used >= limit then
    free_at = start + window
    reply[2] = 0
  end
  reply[3 * place], reply[3 * place + 1], reply[3 * place + 2] = used, start + window, free_at
end
if reply[2] == 0 then
  return reply
end
for place, key in ipairs(KEYS) do
  local used = reply[3 * place] + 1
  if used == 1 then
    redis.call('HSET', key, 'start', string.format('%.0f', now), 'used', used)
    -- A millisecond more, as keys end by a clock that a script may find a little behind TIME.
    redis.call('PEXPIRE', key, math.ceil(ARGV[2 * place] / 1000) + 1)
  else
    redis.call('HINCRBY', key, 'used', 1)
  end
  reply[3 * place] = used
end
return reply
