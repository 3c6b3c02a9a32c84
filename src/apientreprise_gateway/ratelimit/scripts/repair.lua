-- Removes, of some keys of ours, those that do not hold what they should: they would fail every call that meets them.
-- KEYS: of one hash tag. ARGV: what each should hold: ban, instants (a list) or period (a hash).
-- Returns how many were removed.
local types = {ban = 'string', instants = 'list', period = 'hash'}
local longest = 100000  -- to read more would hold up the server

local function number(text)
  return text and string.match(text, '^%d+$')
end

local function sound(key, holds)
  if redis.call('TYPE', key).ok ~= types[holds] then
    return false
  elseif holds == 'ban' then
    return string.match(string.sub(redis.call('GET', key), 1, 100), '^[%w_]+:%d+:%d+$')
  elseif holds == 'period' then
    local period = redis.call('HMGET', key, 'start', 'used')
    return number(period[1]) and number(period[2])
  elseif redis.call('LLEN', key) > longest then
    return false
  end
  for _, instant in ipairs(redis.call('LRANGE', key, 0, -1)) do
    if not number(instant) then
      return false
    end
  end
  return true
end

local removed = 0
for place, key in ipairs(KEYS) do
  if not sound(key, ARGV[place]) then
    removed = removed + redis.call('DEL', key)
  end
end
return removed
