-- Takes back a call that was admitted although its address turned out to be banned.
-- KEYS: the period, a hash of its start and of the calls in it.
-- ARGV: the instant that the call was entered with.
local start = tonumber(redis.call('HGET', KEYS[1], 'start'))
if start and start <= tonumber(ARGV[1]) then
  local used = redis.call('HINCRBY', KEYS[1], 'used', -1)
  if used == 0 then
    redis.call('DEL', KEYS[1])  -- the period that this call opened was never opened
  end
  return used
end
return 0
