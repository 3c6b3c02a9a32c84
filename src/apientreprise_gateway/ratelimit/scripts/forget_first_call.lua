-- Takes back a call that was admitted although its address turned out to be banned.
-- KEYS: each period, a hash of its start and of the calls in it; all of one hash tag.
-- ARGV: the instant that the call was entered with.
-- Returns how many periods it was in.
local found = 0
for _, key in ipairs(KEYS) do
  local start = tonumber(redis.call('HGET', key, 'start'))
  if start and start <= tonumber(ARGV[1]) then
    found = found + 1
    if redis.call('HINCRBY', key, 'used', -1) == 0 then
      redis.call('DEL', key)  -- the period that this call opened was never opened
    end
  end
end
return found
