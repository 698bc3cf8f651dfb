# input registers itself, finds the others, and keeps campaigns and progress in the KV store. It reads which version has
# which share of the requests.
node_prefix "" {
  policy = "read"
}
agent_prefix "" {
  policy = "read"
}
service_prefix "" {
  policy = "read"
}
service "input" {
  policy = "write"
}
key_prefix "hoploom/asked/" {
  policy = "write"
}
key_prefix "hoploom/campaigns/" {
  policy = "write"
}
key_prefix "hoploom/cooling/" {
  policy = "write"
}
key_prefix "hoploom/editions/" {
  policy = "write"
}
key_prefix "hoploom/groups/" {
  policy = "write"
}
key_prefix "hoploom/ids/" {
  policy = "write"
}
key_prefix "hoploom/keys/" {
  policy = "read"
}
key_prefix "hoploom/once/" {
  policy = "write"
}
key_prefix "hoploom/overlay" {
  policy = "write"
}
key_prefix "hoploom/rounds/" {
  policy = "write"
}
key_prefix "hoploom/sets/" {
  policy = "write"
}
key_prefix "hoploom/shards/" {
  policy = "write"
}
key_prefix "hoploom/silence/" {
  policy = "write"
}
# The list of stores: one that answers and is not in it is entered, one that is lost is taken off.
key_prefix "hoploom/stores/" {
  policy = "write"
}
key_prefix "hoploom/tokens/" {
  policy = "read"
}
key_prefix "hoploom/roles/groups/" {
  policy = "write"
}
key_prefix "hoploom/roles/documents/" {
  policy = "write"
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
