-- Each connection waits for its answer, then for about a second, and calls again.
function delay()
  return math.random(0, 2000)
end
