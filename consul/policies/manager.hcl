# manager registers itself, finds the others, leads its own role, and shows who leads the others.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "manager" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
key_prefix "hoploom/roles/" {
  policy = "read"
}
key_prefix "hoploom/roles/manager/" {
  policy = "write"
}
key "hoploom/epoch" {
  policy = "read"
}
