-- Keeps an entry, within a number of bytes; the entries that expire first are removed to make room for it.
-- KEYS: the entries, by name (a hash); their expiry dates (a sorted set of names, by ms of this server's clock).
-- ARGV: name; entry; its lifetime (ms); bytes that may be kept; bytes that an entry takes besides its name and itself.
-- The field '' of the entries counts the bytes, so that it is lost with them and never without.
local entries, ends = KEYS[1], KEYS[2]
local name, entry, bound, overhead = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])

-- A server out of memory refuses this write; it would not if another write of the script, such as a removal, came first.
local kept = tonumber(redis.call('HGET', entries, '') or 0)
redis.call('HSET', entries, '', string.format('%.0f', kept))
if redis.call('HLEN', entries) ~= redis.call('ZCARD', ends) + 1 then
  -- The server has evicted one of the two keys for want of memory.
  redis.call('UNLINK', entries, ends)
  kept = 0
end

local function remove(old)
  local size = redis.call('HSTRLEN', entries, old)
  if size > 0 then
    kept = kept - #old - size - overhead
    redis.call('HDEL', entries, old)
  end
  redis.call('ZREM', ends, old)
end

remove(name)
local cost = #name + #entry + overhead
while kept + cost > bound do
  local first = redis.call('ZRANGE', ends, 0, 0)[1]
  if not first then
    break
  end
  remove(first)
end
if kept + cost <= bound then
  redis.call('HSET', entries, name, entry)
  local time = redis.call('TIME')
  local ends_at = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[3])
  redis.call('ZADD', ends, string.format('%.0f', ends_at), name)
  kept = kept + cost
end
redis.call('HSET', entries, '', string.format('%.0f', kept))
-- Both keys expire with the last entry, even if no gateway is left to sweep.
local last = redis.call('ZRANGE', ends, -1, -1, 'WITHSCORES')[2]
if last then
  redis.call('PEXPIREAT', entries, string.format('%.0f', last))
  redis.call('PEXPIREAT', ends, string.format('%.0f', last))
else
  redis.call('UNLINK', entries, ends)
end
