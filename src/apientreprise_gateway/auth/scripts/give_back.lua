-- Gives a server what it has lost: each date that it does not know, or knows as of an earlier change.
-- KEYS: the dates, the instants of their last changes: two hashes by jti, of one slot.
-- ARGV: jti, date and instant of the change, of each token.
-- Returns how many it took.
local taken = 0
for place = 1, #ARGV, 3 do
  local jti, date, changed = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  local last = tonumber(redis.call('HGET', KEYS[2], jti) or '0') or 0
  if redis.call('HEXISTS', KEYS[1], jti) == 0 or last < tonumber(changed) then
    redis.call('HSET', KEYS[1], jti, date)
    redis.call('HSET', KEYS[2], jti, changed)
    taken = taken + 1
  end
end
return taken
