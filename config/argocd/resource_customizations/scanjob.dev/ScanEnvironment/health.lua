local function condition(kind)
  for _, c in ipairs(obj.status.conditions or {}) do
    if c.type == kind then
      return c
    end
  end
  return {}
end

local function health(status, message)
  return {status = status, message = message}
end

-- Whoever applies ACK's objects together with this one sees these for a while. They pass without a change in Git.
local function passes(reason)
  if reason == "AWSUnavailable" or reason == "Deleting" then
    return true
  end
  for _, kind in ipairs({"Cluster", "TaskDefinition", "Subnet", "SecurityGroup", "Queue", "Topic", "Bucket"}) do
    if reason == kind .. "NotSynced" then
      return true
    end
  end
  return false
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "being deleted: " .. ((obj.status and condition("Ready").message) or "waiting for the operator"))
end
local ready = (obj.status and condition("Ready")) or {}
if ready.status == nil or (obj.status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health("Progressing", "waiting for the operator to look at it")
end
local message = ready.reason .. ": " .. ready.message
if ready.status ~= "True" then
  if passes(ready.reason) then
    return health("Progressing", message)
  end
  return health("Degraded", message)
end
local degraded = condition("Degraded")
if degraded.status == "True" then
  return health("Degraded", degraded.reason .. ": " .. degraded.message)
end
return health("Healthy", message)
