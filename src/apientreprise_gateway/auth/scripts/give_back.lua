-- Writes back revocations that the server has lost: those that it lacks or has only in an older version.
-- KEYS: two hashes by jti, in one slot: the dates; the times of their last changes.
-- ARGV: for each token its jti, its date and the time of its last change.
-- Returns how many entries were written.
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
