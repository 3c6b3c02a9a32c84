-- Enters values unless they were changed meanwhile.
-- KEYS: three hashes, in one slot: the values by jti; the times of their last changes; what one writer has entered.
-- ARGV: for each token its jti, the value that is expected to be there, `` for none, the new value, `` to leave it as it
-- is, and what is noted as that writer's, `` to forget what was.
-- Returns {how many values were entered, the jti of each that was changed meanwhile...}.
local time = redis.call('TIME')
local entered, changed = 0, {}
for place = 1, #ARGV, 4 do
  local jti, expected, value, own = ARGV[place], ARGV[place + 1], ARGV[place + 2], ARGV[place + 3]
  if (redis.call('HGET', KEYS[1], jti) or '') ~= expected then
    changed[#changed + 1] = jti
  else
    if value ~= '' then
      local now = time[1] + time[2] / 1000000
      local last = tonumber(redis.call('HGET', KEYS[2], jti) or '0')
      if last and now <= last then
        now = last + 0.000001  -- the clock was set back: a later change must still have a later time
      end
      redis.call('HSET', KEYS[1], jti, value)
      redis.call('HSET', KEYS[2], jti, string.format('%.6f', now))
      entered = entered + 1
    end
    if own == '' then
      redis.call('HDEL', KEYS[3], jti)
    else
      redis.call('HSET', KEYS[3], jti, own)
    end
  end
end
return {entered, unpack(changed)}
