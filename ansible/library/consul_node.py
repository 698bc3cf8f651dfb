#!/usr/bin/python
"""Has Consul's catalogue know the agent of this host, after it was put back to a time when the host had another one.

A host that was set up anew since has another node id. Under its name the catalogue then knows the agent of before, with
services that nobody runs and checks that nobody looks at, and refuses the one that is there.
"""

import time
from typing import Any

from ansible.module_utils.agent_http import Refused
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.consul_http import Consul

DOCUMENTATION = """
module: consul_node
short_description: Enter the host's agent anew where Consul's catalogue knows another one under its name
description:
  - Its services and checks are entered again by the agent itself, which is waited for.
author: hoploom
options:
  url:
    description: HTTP address of the host's agent.
    type: str
    default: http://127.0.0.1:8500
  token:
    description: Management token.
    type: str
    required: true
  wait_s:
    description: Longest wait for the agent, in seconds; it looks by itself every minute or two.
    type: int
    default: 240
"""

_PAUSE_S = 1.0


def known(consul: Consul, name: str) -> str:
    """The node id that the catalogue has under a name; empty where it knows none."""
    found = consul.call("GET", f"/v1/catalog/node/{name}?consistent")
    return str(found["Node"]["ID"]) if found else ""


def run(consul: Consul, wait_s: float, *, check_mode: bool) -> bool:
    """Remove the other agent, and wait for the one that is there; whether there was another.

    Raises:
        TimeoutError: The agent does not enter itself.
    """
    own: dict[str, Any] = consul.call("GET", "/v1/agent/self")["Config"]
    name, node_id = own["NodeName"], own["NodeID"]
    is_another = known(consul, name) not in ("", node_id)
    if check_mode or not is_another:
        return is_another
    consul.call("PUT", "/v1/catalog/deregister", {"Node": name})
    end = time.monotonic() + wait_s
    while known(consul, name) != node_id:
        if time.monotonic() > end:
            raise TimeoutError(f"the agent of {name} has not entered itself after {wait_s:g} s: restart it")
        time.sleep(_PAUSE_S)
    return True


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "url": {"type": "str", "default": "http://127.0.0.1:8500"},
        "token": {"type": "str", "required": True, "no_log": True},
        "wait_s": {"type": "int", "default": 240},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    consul = Consul(module.params["url"], module.params["token"])
    try:
        module.exit_json(changed=run(consul, module.params["wait_s"], check_mode=module.check_mode))
    except Refused as refused:
        module.fail_json(msg=f"Consul refuses: {refused}")
    except TimeoutError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"Consul does not answer: {getattr(error, 'reason', error)}")


if __name__ == "__main__":
    main()
