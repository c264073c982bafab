-- The rest of our chain in Envoy's Lua: the tenant's key, enrichment, guards on question and answer.
--
-- Written for LuaJIT: everything is local, texts are looked for with plain `find` before any pattern runs, and a body
-- that stays as it was is not written again. Envoy's Lua has no JSON, so the documents are edited as text.

local find, sub, gsub, byte, match = string.find, string.sub, string.gsub, string.byte, string.match
local concat = table.concat

local TENANTS = {
  acme = {
    key = "@KEY@",
    fields = '"integration_id":"0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d",'
      .. '"source_group_ids_include":["5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"],',
  },
}
local LONGEST_QUESTION, LONGEST_ANSWER = 4000, @LONGEST@
local DISCLAIMER = "\\n\\nThis answer may be incomplete. Please check it against the documentation."
local WITHHELD = "This answer cannot be shown. Please ask your support team."

local function luhn(digits)
  local total, double = 0, false
  for at = #digits, 1, -1 do
    local value = byte(digits, at) - 48
    if double then
      value = value * 2
      if value > 9 then value = value - 9 end
    end
    total, double = total + value, not double
  end
  return total % 10 == 0
end

local function iban(text)
  local turned = sub(text, 5) .. sub(text, 1, 4)
  local rest = 0
  for at = 1, #turned do
    local value = byte(turned, at)
    if value >= 65 then rest = (rest * 100 + value - 55) % 97 else rest = (rest * 10 + value - 48) % 97 end
  end
  return rest == 1
end

local function number(text)
  local digits = gsub(text, "%D", "")
  local count = #digits
  if count >= 13 and count <= 19 and luhn(digits) then return "<card>" end
  if match(text, "^%d%d%d%-%d%d%-%d%d%d%d$") then return "<ssn>" end
  if count >= 9 and count <= 15 and find(text, "[%+%(%- ]") then return "<phone>" end
end

local function account(text)
  if #text >= 15 and #text <= 34 and iban(text) then return "<iban>" end
end

-- A text without personal data. Cards, accounts and numbers are checked, not only matched.
local function redacted(text)
  if find(text, "@", 1, true) then
    text = gsub(text, "[%w%.%+%-_]+@[%w%-]+%.[%w%.%-]*%w", "<email>")
  end
  if find(text, "%d%d%d") then
    text = gsub(text, "%f[%w]%u%u%d%d[%u%d]+%f[%W]", account)
    text = gsub(text, "%f[%w]%d+%.%d+%.%d+%.%d+%f[%W]", "<ip>")
    text = gsub(text, "%+?%f[%w]%d[%d %-%(%)]+%d%f[%W]", number)
  end
  if find(text, "_", 1, true) or find(text, "-", 1, true) then
    text = gsub(text, "%f[%w][sr]k[-_]%w[%w_-]+", "<api_key>")
    text = gsub(text, "%f[%w]gh[pousr]_%w+", "<api_key>")
  end
  if find(text, "AKIA", 1, true) then text = gsub(text, "AKIA[%u%d]+", "<api_key>") end
  if find(text, "eyJ", 1, true) then text = gsub(text, "eyJ[%w_-]+%.[%w_-]+%.[%w_-]+", "<api_key>") end
  return text
end

-- Where the JSON string that begins at `first` ends: the place before its closing quote.
local function last_of(document, first)
  local at = first
  while true do
    local quote = find(document, '"', at, true)
    if not quote then return nil end
    local back = quote - 1
    while byte(document, back) == 92 do back = back - 1 end
    if (quote - back) % 2 == 1 then return quote - 1 end
    at = quote + 1
  end
end

-- Begin and end of the string under a key of the document, without its quotes.
local function place_of(document, key)
  local _, last = find(document, '"' .. key .. '"%s*:%s*"')
  if not last then return nil end
  return last + 1, last_of(document, last + 1)
end

function envoy_on_request(handle)
  local claims = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn").jwt
  local tenant = TENANTS[claims.org]
  if not tenant then
    handle:respond({ [":status"] = "403" }, "")
    return
  end
  handle:headers():replace("x-api-key", tenant.key)
  local body = handle:body()       -- waits; what was taken from `handle` before is no longer valid
  if not body then return end
  local size = body:length()
  local document = body:getBytes(0, size)
  local first, last = place_of(document, "query")
  if not last then
    handle:respond({ [":status"] = "400" }, "")
    return
  end
  local question = sub(document, first, last)
  if #question > LONGEST_QUESTION then
    handle:respond({ [":status"] = "422" }, "")
    return
  end
  local clean = redacted(question)
  handle:streamInfo():dynamicMetadata():set("chain", "question", clean)
  handle:headers():replace("content-length", body:setBytes(concat({
    "{", tenant.fields,
    '"user":{"unique_client_id":"', claims.sub, '"},',
    '"metadata":{"tenant_id":"', claims.org, '","user_role":"', claims.roles[1], '","session_id":"', claims.sid, '"},',
    '"query":"', clean, '"}',
  })))
end

-- Records as they come, each for itself: what two records share between them is not found.
local function guard_stream(handle)
  for chunk in handle:bodyChunks() do
    local size = chunk:length()
    if size > 0 then
      local text = chunk:getBytes(0, size)
      local clean = gsub(text, '("text":")(.-)(")', function(before, said, after)
        return before .. redacted(said) .. after
      end)
      if clean ~= text then chunk:setBytes(clean) end
    end
  end
end

local function guard_whole(handle)
  local body = handle:body()
  if not body then return end
  local document = body:getBytes(0, body:length())
  local first, last = place_of(document, "answer")
  if not last then return end
  local answer = sub(document, first, last)
  local clean, decision = redacted(answer), "passed"
  if find(document, '"relevant_sources":[]', 1, true) then
    clean, decision = WITHHELD, "withheld"
  elseif find(document, '"is_uncertain":true', 1, true) then
    clean, decision = clean .. DISCLAIMER, "disclaimed"
  elseif #clean > LONGEST_ANSWER then
    clean, decision = sub(clean, 1, LONGEST_ANSWER) .. " […]", "cut"
  end
  handle:streamInfo():dynamicMetadata():set("chain", "decision", decision)
  if clean ~= answer then
    local edited = sub(document, 1, first - 1) .. clean .. sub(document, last + 1)
    handle:headers():replace("content-length", body:setBytes(edited))
  end
end

function envoy_on_response(handle)
  if handle:headers():get("content-type") == "application/json" then guard_whole(handle) else guard_stream(handle) end
end
