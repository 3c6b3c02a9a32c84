-- Calls of many tokens and of many paths in turn, each about another company: wrk -s scale.lua URL -- TOKENS PATHS [FIRST],
-- two files with one per line, and the number of the first call.
local luhn = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "luhn.lua")
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

function request()
  number = number + 1
  local stem = tostring(10000000 + number % 89999999)
  return wrk.format("GET", paths[number % #paths + 1] .. "/" .. stem .. luhn(stem) .. query, {
    ["Authorization"] = "Bearer " .. tokens[number % #tokens + 1],
  })
end
