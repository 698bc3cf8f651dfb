# manager registers itself, finds the others, leads its own roles, and shows who leads the others. It enrols workers and
# signs for them, and enters those that live elsewhere in the catalogue, as nodes whose names begin with edge-. It times
# routers by a registration of its own that comes and goes, and reads their overrides.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
node_prefix "edge-" {
  policy = "write"
}
service "manager" {
  policy = "write"
}
service "ping" {
  policy = "write"
}
service "route-canary" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
key_prefix "hoploom/roles/" {
  policy = "read"
}
key_prefix "hoploom/attempts/" {
  policy = "write"
}
key "hoploom/audit" {
  policy = "write"
}
key_prefix "hoploom/deploys/" {
  policy = "read"
}
key_prefix "hoploom/doors/" {
  policy = "write"
}
key_prefix "hoploom/dyfi" {
  policy = "write"
}
key "hoploom/events" {
  policy = "write"
}
key_prefix "hoploom/ids/" {
  policy = "write"
}
key_prefix "hoploom/invites/" {
  policy = "write"
}
key_prefix "hoploom/keys/" {
  policy = "write"
}
key_prefix "hoploom/orders/" {
  policy = "write"
}
key_prefix "hoploom/once/" {
  policy = "write"
}
key_prefix "hoploom/overlay" {
  policy = "read"
}
key_prefix "hoploom/roles/auditor/" {
  policy = "write"
}
key_prefix "hoploom/roles/dyfi/" {
  policy = "write"
}
key_prefix "hoploom/roles/edge-nodes/" {
  policy = "write"
}
key_prefix "hoploom/roles/keys/" {
  policy = "write"
}
key_prefix "hoploom/roles/manager/" {
  policy = "write"
}
key "hoploom/routers" {
  policy = "write"
}
key_prefix "hoploom/sessions/" {
  policy = "write"
}
key_prefix "hoploom/tokens/" {
  policy = "write"
}
key_prefix "hoploom/users/" {
  policy = "write"
}
key_prefix "hoploom/workers/" {
  policy = "write"
}
key "hoploom/epoch" {
  policy = "read"
}
key_prefix "fabio/" {
  policy = "read"
}
