# output registers itself, finds the others, and enters its store in the list of stores.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "output" {
  policy = "write"
}
key_prefix "hoploom/stores/" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
