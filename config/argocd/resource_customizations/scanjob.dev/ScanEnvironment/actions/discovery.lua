local actions = {}
actions["check"] = {
  ["iconClass"] = "fa fa-fw fa-stethoscope",
  ["displayName"] = "Check with AWS now"
}
return actions
