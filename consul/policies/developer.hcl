# For services under development on this machine: any service name, own keys below apps/, and which version
# has which share of the requests, and the epoch of leaders' tokens, to read.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
key_prefix "apps/" {
  policy = "write"
}
key "hoploom/epoch" {
  policy = "read"
}
key_prefix "fabio/config" {
  policy = "read"
}
