-- Takes back a call that was admitted although its address turned out to be banned.
-- KEYS: the period, a hash of its start and of the calls in it.
-- ARGV: the instant that the call was entered with.
local start = tonumber(redis.call('HGET', KEYS[1], 'start'))
if start and start <= tonumber(ARGV[1]) then
  return redis.call('HINCRBY', KEYS[1], 'used', -1)
end
return 0
