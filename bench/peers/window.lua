-- The script that every peer runs for a call: is the address banned, is it within its ceiling, the token within its limit?
-- KEYS: ban, calls of the address, calls of the token. ARGV: limit of the address, limit of the token.
-- Gives {verdict, calls left, Unix second at which one is free}; the verdict is 1 (go), 0 (over the limit), -1 (banned).
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- The calls of the last minute, and the oldest of them.
local function recent(key)
  while true do
    local oldest = redis.call('LINDEX', key, 0)
    if not oldest or tonumber(oldest) > now - 60000000 then
      return redis.call('LLEN', key), tonumber(oldest or now)
    end
    redis.call('LPOP', key)
  end
end

local function note(key)
  redis.call('RPUSH', key, string.format('%.0f', now))
  redis.call('PEXPIRE', key, 60000)
end

if redis.call('EXISTS', KEYS[1]) == 1 then return {-1, 0, 0} end
if recent(KEYS[2]) >= tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], 1, 'EX', 43200)
  return {-1, 0, 0}
end
note(KEYS[2])
local limit = tonumber(ARGV[2])
local used, oldest = recent(KEYS[3])
local free = math.ceil((oldest + 60000000) / 1000000)
if used >= limit then return {0, 0, free} end
note(KEYS[3])
return {1, limit - used - 1, free}
