-- Takes back a call that was admitted although its address turned out to be banned.
-- KEYS: each window, a list of instants; all of one hash tag.
-- ARGV: the instant that the call was entered with.
-- Returns how many windows it was in.
local found = 0
for _, key in ipairs(KEYS) do
  found = found + redis.call('LREM', key, -1, ARGV[1])
end
return found
