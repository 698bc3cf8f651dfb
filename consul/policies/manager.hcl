# manager registers itself, finds the others, and leads roles.
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
  policy = "write"
}
key "hoploom/epoch" {
  policy = "read"
}
