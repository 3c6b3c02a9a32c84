-- The calls that wrk makes, each about another company, as those of real callers are.
local number = 100000000 + math.random(0, 700000000)

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
  local stem = string.sub(tostring(number), 1, 8)
  if number % 10 ~= 0 then number = number + 10 - number % 10 end
  return wrk.format("GET", "/v3/insee/sirene/unites_legales/" .. stem .. luhn(stem) .. wrk.path:match("%?.*"))
end
