# `hoploom route` and `hoploom deploy`: read health and all overrides of Fabio's, write our one key among those, and lock
# the service that is being deployed.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
key_prefix "fabio/config" {
  policy = "read"
}
key "fabio/config/hoploom" {
  policy = "write"
}
key_prefix "hoploom/deploys/" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
