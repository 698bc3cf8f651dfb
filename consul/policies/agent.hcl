# The agent keeps its own node entry current.
node_prefix "" {
  policy = "write"
}
service_prefix "" {
  policy = "read"
}
