-- Asks the requests of the file that REQUESTS names, in turn and over again; ends with one line of JSON.
-- The file holds, for each, its length in bytes, a line feed, and the request itself.

local requests = {}
local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
for size in function() return file:read("*n") end do
  file:read(1)
  requests[#requests + 1] = file:read(size)
end
file:close()

if #requests == 1 then
  wrk.format = function() return requests[1] end    -- the same bytes again and again: no call of Lua per request
else
  local at = 0
  request = function()
    at = at % #requests + 1
    return requests[at]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"answers": %d, "microseconds": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
