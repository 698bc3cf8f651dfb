#!/usr/bin/python
"""Nomad's access control, bootstrapped with our own secret."""

import json
import time
import urllib.error
import urllib.request
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: nomad_acl
short_description: Bootstrap Nomad's ACLs
description:
  - Makes our secret the management token. Where that was done already it goes on.
author: hoploom
options:
  url:
    description: HTTP address of a server.
    type: str
    default: http://127.0.0.1:4646
  token:
    description: Secret of the management token.
    type: str
    required: true
  wait_s:
    description: Seconds to wait for a leader.
    type: int
    default: 60
"""

CALL_S = 10
OK, BAD_REQUEST = 200, 400
_OTHER = ("Nomad's ACLs were bootstrapped with another management token than the Vault file's: bring that one back, or "
          "reset the ACLs as Nomad's documentation says")


def call(module: AnsibleModule, method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Status and text of one call; status 0 where nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Nomad-Token": module.params["token"]}
    request = urllib.request.Request(module.params["url"] + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=CALL_S) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace").strip()
    except OSError as error:
        return 0, str(getattr(error, "reason", error))


def knows_us(module: AnsibleModule) -> bool:
    """Whether our token is Nomad's."""
    return call(module, "GET", "/v1/acl/token/self")[0] == OK


def ensure(module: AnsibleModule) -> bool:
    """Bootstrap where nobody has; whether that was done now."""
    end = time.monotonic() + module.params["wait_s"]
    while not knows_us(module):
        # A token that is not known is asked for in vain, and refused as a second one, while there is no leader.
        status, said = call(module, "POST", "/v1/acl/bootstrap", {"BootstrapSecret": module.params["token"]})
        if status == OK:
            return True
        if status == BAD_REQUEST and "already done" in said and not knows_us(module):
            module.fail_json(msg=_OTHER)
        if time.monotonic() > end:
            module.fail_json(msg=f"Nomad is not ready after {module.params['wait_s']} s: {said}")
        time.sleep(0.5)
    return False


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:4646"},
        "token": {"type": "str", "required": True, "no_log": True},
        "wait_s": {"type": "int", "default": 60},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=not knows_us(module))
    module.exit_json(changed=ensure(module))


if __name__ == "__main__":
    main()
