-- A scan that found something has done its work, so it is Healthy. One that carries the annotation scanjob.dev/gate: "true"
-- stands in the way of a deployment: there only a clean scan is Healthy.
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

local function count()
  local findings = obj.status.findings
  if findings == nil then
    return "how many is not known here"
  end
  local text = findings.total .. " findings"
  if findings.total == 1 then
    text = "1 finding"
  end
  local parts = {}
  for _, severity in ipairs({"critical", "high", "medium", "low"}) do
    local number = (findings.bySeverity or {})[severity]
    if number ~= nil and number > 0 then
      table.insert(parts, number .. " " .. severity)
    end
  end
  if #parts > 0 then
    text = text .. " (" .. table.concat(parts, ", ") .. ")"
  end
  return text
end

local annotations = obj.metadata.annotations or {}
local gate = annotations["scanjob.dev/gate"] == "true"

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "being deleted; goes when its task has stopped")
end
if obj.status == nil or (obj.status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health("Progressing", "waiting for the operator to look at it")
end

local failed = condition("Failed")
if failed.status == "True" then
  local message = failed.reason .. ": " .. failed.message
  if failed.reason == "Superseded" and not gate then
    return health("Healthy", message)
  end
  return health("Degraded", message)
end

local complete = condition("Complete")
if complete.status == "True" then
  if obj.status.result == "Clean" then
    return health("Healthy", "Clean: " .. complete.message)
  end
  local message = "Unknown: " .. complete.message
  if obj.status.result == "Findings" then
    message = "Findings: " .. count()
  end
  local reported = condition("Reported")
  if reported.status == "False" then
    message = message .. "; " .. reported.message
  end
  if gate then
    return health("Degraded", message)
  end
  return health("Healthy", message)
end

if obj.spec.cancel then
  return health("Progressing", "being cancelled; ends when its task has stopped")
end

local admitted = condition("Admitted")
local text = (obj.status.phase or "Pending") .. ": " .. (admitted.message or "not looked at yet")
if condition("Suspended").status == "True" and admitted.status ~= "True" then
  return health("Suspended", text)
end
return health("Progressing", text)
