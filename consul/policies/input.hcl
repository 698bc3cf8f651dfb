# input registers itself, finds the others, and keeps campaigns and progress in the KV store.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "input" {
  policy = "write"
}
key_prefix "hoploom/" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
