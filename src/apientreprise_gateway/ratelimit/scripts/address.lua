-- Counts a call of an address and bans the address that makes one too many.
-- KEYS: the ban; the window, a list of instants. Both carry the address as hash tag.
-- ARGV: limit, 0 for any number; length of the window (µs); length of a ban (µs); reason of the ban it may cause.
-- Returns {now} where the call may go on; {now, ban} where the address is banned, the ban as "reason:count:start";
-- {now, ban, 1} where this call has caused the ban.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit, window, duration = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local ban = redis.call('GET', KEYS[1])
if ban then
  local cause, start = string.match(string.sub(ban, 1, 100), '^([%w_]+:%d+:)(%d+)$')
  if tonumber(start) > now then
    -- The clock was set back: the ban holds for its length from now, not until the time that the clock once showed.
    start = string.format('%.0f', now)
    ban = cause .. start
    redis.call('SET', KEYS[1], ban, 'PX', math.floor(duration / 1000))
  end
  if now < tonumber(start) + duration then
    return {now, ban}
  end
end
if limit == 0 then
  return {now}
end
local oldest = tonumber(redis.call('LINDEX', KEYS[2], 0))
while oldest and oldest <= now - window do
  redis.call('LPOP', KEYS[2])
  oldest = tonumber(redis.call('LINDEX', KEYS[2], 0))
end
local newest = tonumber(redis.call('LINDEX', KEYS[2], -1))
while newest and newest > now do
  redis.call('RPOP', KEYS[2])
  newest = tonumber(redis.call('LINDEX', KEYS[2], -1))
end
local used = redis.call('LLEN', KEYS[2])
if used >= limit then
  ban = ARGV[4] .. ':' .. (used + 1) .. ':' .. string.format('%.0f', now)
  redis.call('SET', KEYS[1], ban, 'PX', math.floor(duration / 1000))
  return {now, ban, 1}
end
redis.call('RPUSH', KEYS[2], string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[2], math.ceil(window / 1000))
return {now}
