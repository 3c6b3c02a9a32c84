-- The calls of many tokens from many addresses: wrk -s soak.lua URL -- TOKENS, a file with one token per line.
local luhn = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "luhn.lua")
local tokens, number = {}, 0
local query

function init(arguments)
  for token in io.lines(arguments[1]) do tokens[#tokens + 1] = token end
  number = math.random(0, 10000)
  query = wrk.path:match("%?.*")
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
