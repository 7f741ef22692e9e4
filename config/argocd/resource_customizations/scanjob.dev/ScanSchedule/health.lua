local function health(status, message)
  return {status = status, message = message}
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "being deleted")
end
local ready = {}
for _, c in ipairs((obj.status or {}).conditions or {}) do
  if c.type == "Ready" then
    ready = c
  end
end
if ready.status == nil or (obj.status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health("Progressing", "waiting for the operator to look at it")
end
local message = ready.reason .. ": " .. ready.message
if obj.spec.suspend then
  return health("Suspended", message)
end
if ready.status == "True" then
  return health("Healthy", message)
end
if ready.reason == "EnvironmentNotReady" or ready.reason == "AWSUnavailable" then
  return health("Progressing", message)
end
return health("Degraded", message)
