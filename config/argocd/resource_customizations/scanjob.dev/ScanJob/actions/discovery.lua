local finished = false
for _, c in ipairs((obj.status or {}).conditions or {}) do
  if (c.type == "Complete" or c.type == "Failed") and c.status == "True" then
    finished = true
  end
end

local actions = {}
actions["rerun"] = {
  ["iconClass"] = "fa fa-fw fa-redo",
  ["displayName"] = "Scan again",
  ["disabled"] = not finished
}
actions["cancel"] = {
  ["iconClass"] = "fa fa-fw fa-stop",
  ["displayName"] = "Cancel",
  ["disabled"] = finished or obj.spec.cancel == true
}
if obj.spec.suspend then
  actions["resume"] = {
    ["iconClass"] = "fa fa-fw fa-play",
    ["displayName"] = "Resume",
    ["disabled"] = finished
  }
else
  actions["suspend"] = {
    ["iconClass"] = "fa fa-fw fa-pause",
    ["displayName"] = "Suspend",
    ["disabled"] = finished or obj.spec.cancel == true
  }
end
return actions
