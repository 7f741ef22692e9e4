-- A change of an annotation has the environment looked at at once.
local os = require("os")

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["scanjob.dev/check-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
