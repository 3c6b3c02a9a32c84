-- The calls that wrk makes, each about another company, as those of real callers are.
local luhn = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "luhn.lua")
local number = 100000000 + math.random(0, 700000000)

function request()
  number = number + 1
  local stem = string.sub(tostring(number), 1, 8)
  if number % 10 ~= 0 then number = number + 10 - number % 10 end
  return wrk.format("GET", "/v3/insee/sirene/unites_legales/" .. stem .. luhn(stem) .. wrk.path:match("%?.*"))
end
