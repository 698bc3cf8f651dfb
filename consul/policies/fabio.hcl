# Fabio registers itself, reads health, and reads its overrides from the KV store.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "fabio" {
  policy = "write"
}
service "fabio-routes" {
  policy = "write"
}
service "fabio-metrics" {
  policy = "write"
}
key_prefix "fabio/" {
  policy = "read"
}
