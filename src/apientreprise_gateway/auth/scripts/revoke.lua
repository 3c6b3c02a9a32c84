-- Sets the date from which a token is revoked, unless it is revoked from an earlier one.
-- KEYS: the dates, the instants of their last changes: two hashes by jti, of one slot.
-- ARGV: jti; date, Unix time in seconds, `inf` for never; 1 to set it whatever there is, 0 to keep an earlier one.
-- Returns {1} where the date was set, {0, date} where an earlier one, or the same, stands.
local before = redis.call('HGET', KEYS[1], ARGV[1])
local known = tonumber(before or 'inf')
if known and known <= tonumber(ARGV[2]) and known ~= math.huge and ARGV[3] ~= '1' then
  return {0, before}
end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if last and now <= last then
  now = last + 0.000001  -- the clock was set back: a later change must still be told from an earlier one
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.6f', now))
return {1}
