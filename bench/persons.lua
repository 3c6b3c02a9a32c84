-- Calls about persons, each about another one, as those of real callers are.
local number = math.random(0, 1000000)

local function letters(value)
  local found = ""
  for _ = 1, 6 do
    found = found .. string.char(65 + value % 26)
    value = math.floor(value / 26)
  end
  return found
end

function request()
  number = number + 1
  if wrk.path:find("/ine?", 1, true) then
    return wrk.format("GET", wrk.path .. "&ine=" .. string.format("%010d", number * 7919 % 10000000000) .. "G")
  end
  local person = "nomNaissance=" .. letters(number * 7919) .. "&anneeDateNaissance=" .. 1950 + number % 50
    .. "&moisDateNaissance=" .. 1 + number % 12 .. "&jourDateNaissance=" .. 1 + number % 28
  return wrk.format("GET", wrk.path .. "&" .. person)
end
