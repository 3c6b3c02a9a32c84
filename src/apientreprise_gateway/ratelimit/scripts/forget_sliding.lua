-- Takes back a call that was admitted although its address turned out to be banned.
-- KEYS: the window, a list of instants.
-- ARGV: the instant that the call was entered with.
return redis.call('LREM', KEYS[1], -1, ARGV[1])
