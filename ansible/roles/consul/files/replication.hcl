# What the servers of another datacenter need to replicate tokens and policies.
acl = "write"
operator = "write"
service_prefix "" {
  policy     = "read"
  intentions = "read"
}
