-- Callers who wait for an answer, then for about a second, and call again.
function delay()
  return math.random(0, 2000)
end
