# output registers itself, finds the others, enters its store in the list of stores, and leads the collecting into a
# data set, which it enters too. It reads which version has which share of the requests.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "output" {
  policy = "write"
}
key_prefix "hoploom/stores/" {
  policy = "write"
}
key_prefix "hoploom/data-sets/" {
  policy = "write"
}
key_prefix "hoploom/keys/" {
  policy = "read"
}
key_prefix "hoploom/overlay" {
  policy = "read"
}
key_prefix "hoploom/roles/collect-" {
  policy = "write"
}
key_prefix "hoploom/tokens/" {
  policy = "read"
}
key_prefix "hoploom/workers/" {
  policy = "read"
}
key_prefix "fabio/config" {
  policy = "read"
}
key "hoploom/epoch" {
  policy = "read"
}
session_prefix "" {
  policy = "write"
}
