-- The digit that ends a SIREN or a SIRET, after those that are given.
return function(digits)
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
