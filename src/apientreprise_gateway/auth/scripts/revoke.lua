-- Sets the date from which a token is revoked, unless it is revoked from an earlier one.
-- KEYS: two hashes by jti, in one slot: the dates; the times of their last changes.
-- ARGV: jti; date, Unix time in seconds, `inf` for never; 1 to replace an earlier date too, 0 to keep it.
-- Returns {1} if the date was set, {0, date} if an earlier one, or the same, was kept.
local before = redis.call('HGET', KEYS[1], ARGV[1])
local known = tonumber(before or 'inf')
if known and known <= tonumber(ARGV[2]) and known ~= math.huge and ARGV[3] ~= '1' then
  return {0, before}
end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if last and now <= last then
  now = last + 0.000001  -- the clock was set back: a later change must still have a later time
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.6f', now))
return {1}
