-- Creates another ScanJob of the same spec: a ScanJob runs once, and its spec cannot be changed.
local os = require("os")

-- An empty table would come out as an empty list, whatever it was.
local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  if next(value) == nil then
    return nil
  end
  local made = {}
  for key, item in pairs(value) do
    made[key] = copy(item)
  end
  return made
end

local annotations = obj.metadata.annotations or {}
local origin = annotations["scanjob.dev/rerun-of"] or obj.metadata.name

local job = {
  apiVersion = obj.apiVersion,
  kind = obj.kind,
  metadata = {
    name = origin .. "-" .. os.date("!%Y%m%d%H%M%S"),
    namespace = obj.metadata.namespace,
    annotations = {["scanjob.dev/rerun-of"] = origin}
  },
  spec = copy(obj.spec)
}
job.spec.cancel = nil
job.spec.suspend = nil

-- Labels by which people find scans. Others, such as the one by which Argo CD tells what is in Git, are not this job's.
for _, name in ipairs({"scanjob.dev/repository", "scanjob.dev/pull-request"}) do
  local value = (obj.metadata.labels or {})[name]
  if value ~= nil then
    job.metadata.labels = job.metadata.labels or {}
    job.metadata.labels[name] = value
  end
end

-- It is shown beside the first one and goes with the same trigger or schedule, which do not count it as theirs: they did
-- not create it, and it stands for no newer revision.
local owners = {}
for _, owner in ipairs(obj.metadata.ownerReferences or {}) do
  table.insert(owners, {apiVersion = owner.apiVersion, kind = owner.kind, name = owner.name, uid = owner.uid})
end
if #owners > 0 then
  job.metadata.ownerReferences = owners
end

return {{operation = "create", resource = job}}
