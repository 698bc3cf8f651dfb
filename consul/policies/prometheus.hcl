# Prometheus finds the instances of every service, and reads the metrics of the agents. It changes nothing.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
