-- Dossiers, or the calls for their parts, about one company after the other: wrk -s dossier.lua URL -- PATH..., with
-- {siren} or {siret} in each; all of them are called for a company before the next one.
local paths, place, number = {}, 0, math.random(10000000, 80000000)
local stem, siren, siret

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

function init(arguments)
  paths = arguments
end

function request()
  if place % #paths == 0 then
    number = number + 1
    stem = tostring(number)
    siren = stem .. luhn(stem)
    siret = siren .. "0001" .. luhn(siren .. "0001")
  end
  place = place + 1
  local path = paths[(place - 1) % #paths + 1]
  return wrk.format("GET", (path:gsub("{siren}", siren):gsub("{siret}", siret)))
end
