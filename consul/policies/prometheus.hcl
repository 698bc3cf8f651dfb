# Prometheus finds the instances of every service and reads the metrics of the agents; each host enters the page on which
# its agents' metrics are.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "host-metrics" {
  policy = "write"
}
