#!/usr/bin/python
"""Takes a server out of Nomad's raft, asked of one that stays."""

import urllib.parse

from ansible.module_utils.agent_http import Nomad, Refused
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: nomad_peer
short_description: Remove a server from Nomad's raft
description:
  - Where the server that is left behind would be none, nothing is done.
author: hoploom
options:
  url:
    description: HTTP address of a server that stays.
    type: str
    default: http://127.0.0.1:4646
  token:
    description: Management token.
    type: str
    required: true
  address:
    description: The server's RPC address (HOST:4647).
    type: str
    required: true
"""


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:4646"},
        "token": {"type": "str", "required": True, "no_log": True},
        "address": {"type": "str", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    nomad = Nomad(module.params["url"], module.params["token"])
    try:
        servers = nomad.call("GET", "/v1/operator/raft/configuration")["Servers"]
        peers = {each["Address"]: each["ID"] for each in servers}
        is_there = module.params["address"] in peers and len(peers) > 1
        if is_there and not module.check_mode:
            nomad.call("DELETE", f"/v1/operator/raft/peer?id={urllib.parse.quote(peers[module.params['address']])}")
        module.exit_json(changed=is_there)
    except Refused as refused:
        module.fail_json(msg=f"Nomad refuses: {refused}")
    except OSError as error:
        module.fail_json(msg=f"Nomad does not answer: {getattr(error, 'reason', error)}")


if __name__ == "__main__":
    main()
