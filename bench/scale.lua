-- Calls of many tokens and of many paths in turn, each about another company: wrk -s scale.lua URL -- TOKENS PATHS [FIRST],
-- two files with one per line, and the number of the first call.
local tokens, paths, number = {}, {}, 0
local query

local function lines(file)
  local found = {}
  for line in io.lines(file) do found[#found + 1] = line end
  return found
end

function init(arguments)
  tokens, paths = lines(arguments[1]), lines(arguments[2])
  number = tonumber(arguments[3] or math.random(0, #tokens))
  query = wrk.path:match("%?.*")
end

local function luhn(digits)
  local sum = 0
  for i = 1, #digits do
    local digit = digits:byte(i) - 48
    if (#digits - i) % 2 == 0 then
      digit = digit * 2
      if digit > 9 then digit = digit - 9 end
    end
    sum = sum + digit
  end
  return (10 - sum % 10) % 10
end

function request()
  number = number + 1
  local stem = tostring(10000000 + number % 89999999)
  return wrk.format("GET", paths[number % #paths + 1] .. "/" .. stem .. luhn(stem) .. query, {
    ["Authorization"] = "Bearer " .. tokens[number % #tokens + 1],
  })
end
