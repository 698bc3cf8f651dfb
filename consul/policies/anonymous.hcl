# Whoever opens the Consul UI without signing in sees health, and nothing else.
node_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
