-- The calls of many tokens from many addresses: wrk -s soak.lua URL -- TOKENS, a file with one token per line.
local tokens, number = {}, 0
local query

function init(arguments)
  for token in io.lines(arguments[1]) do tokens[#tokens + 1] = token end
  number = math.random(0, 10000)
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
  local seen = number % 50000
  local address = string.format("10.0.%d.%d", math.floor(seen / 256), seen % 256)
  return wrk.format("GET", "/v3/insee/sirene/unites_legales/" .. stem .. luhn(stem) .. query, {
    ["Authorization"] = "Bearer " .. tokens[number % #tokens + 1],
    ["X-Forwarded-For"] = address,
  })
end
