-- Sends the file named by the first argument as it is, again and again.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  local request = file:read("*a")
  file:close()
  wrk.format = function() return request end
end
