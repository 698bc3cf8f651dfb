#!/usr/bin/python
"""Takes a server out of Nomad's raft, asked of one that stays."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

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

CALL_S = 30


def call(module: AnsibleModule, method: str, path: str) -> Any:
    """One call; raises OSError where it fails."""
    headers = {"X-Nomad-Token": module.params["token"]}
    request = urllib.request.Request(module.params["url"] + path, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=CALL_S) as answer:
        return json.loads(answer.read() or b"null")


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:4646"},
        "token": {"type": "str", "required": True, "no_log": True},
        "address": {"type": "str", "required": True},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        servers = call(module, "GET", "/v1/operator/raft/configuration")["Servers"]
        peers = {each["Address"]: each["ID"] for each in servers}
        is_there = module.params["address"] in peers and len(peers) > 1
        if is_there and not module.check_mode:
            call(module, "DELETE", f"/v1/operator/raft/peer?id={urllib.parse.quote(peers[module.params['address']])}")
        module.exit_json(changed=is_there)
    except urllib.error.HTTPError as error:
        module.fail_json(msg=f"Nomad answers {error.code}: {error.read().decode('utf-8', 'replace').strip()}")
    except OSError as error:
        module.fail_json(msg=f"Nomad does not answer: {getattr(error, 'reason', error)}")


if __name__ == "__main__":
    main()
