-- Dossiers, or the calls for their parts, about one company after the other: wrk -s dossier.lua URL -- PATH..., with
-- {siren} or {siret} in each; all of them are called for a company before the next one.
local luhn = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "luhn.lua")
local paths, place, number = {}, 0, math.random(10000000, 80000000)
local stem, siren, siret

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
