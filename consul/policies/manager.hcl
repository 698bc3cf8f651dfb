# manager registers itself and finds the others.
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
