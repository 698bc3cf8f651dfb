"""The least that the tokens of `up --attach` have to be allowed, as policies to hand to whoever makes them. Pure."""

from hoploom.kit.names import Names

_CONSUL = """\
# Consul: consul acl policy create -name {prefix}-up -rules @FILE
#         consul acl token create -policy-name {prefix}-up      -> CONSUL_HTTP_TOKEN
agent_prefix "" {{
  policy = "read"
}}
node_prefix "" {{
  policy = "read"
}}
service_prefix "" {{
  policy = "read"
}}
service_prefix "{service}" {{
  policy = "write"
}}
# Workers in other people's networks are nodes of their own.
node_prefix "{service}edge-" {{
  policy = "write"
}}
session_prefix "" {{
  policy = "write"
}}
key_prefix "{prefix}/" {{
  policy = "write"
}}
query_prefix "{service}" {{
  policy = "write"
}}
# Optional: shares by tag (`hoploom route weight`, `hoploom deploy`) where Fabio is not ours either; its kvpath first.
# key "fabio/config/{prefix}" {{ policy = "write" }}
# key_prefix "fabio/config" {{ policy = "read" }}
# Optional: each service gets a token of its own, with less than this one. Without it all run with this one.
# acl = "write"
"""
_NOMAD = """\
# Nomad: nomad acl policy apply {prefix}-up FILE
#        nomad acl token create -policy={prefix}-up             -> NOMAD_TOKEN
namespace "default" {{
  policy       = "read"
  capabilities = ["submit-job", "parse-job", "read-logs"]
}}
node {{
  policy = "read"
}}
"""


def consul(names: Names) -> str:
    """Consul's policy, in HCL."""
    return _CONSUL.format(prefix=names.prefix, service=names.service_prefix)


def nomad(names: Names) -> str:
    """Nomad's policy, in HCL."""
    return _NOMAD.format(prefix=names.prefix)
