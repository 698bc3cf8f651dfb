"""What the modules that talk to Consul share."""

import time

from ansible.module_utils.agent_http import FORBIDDEN, NOT_FOUND, Agent, Refused


class Consul(Agent):
    """Consul's agent."""

    header = "X-Consul-Token"

    def knows_us(self) -> bool:
        """Whether our token is known."""
        try:
            self.call("GET", "/v1/acl/token/self")
        except Refused as refused:
            if refused.status not in (FORBIDDEN, NOT_FOUND):
                raise
            return False
        return True


def until_leader(consul: Consul, wait_s: int) -> None:
    """Return when there is a leader; raises TimeoutError."""
    end = time.monotonic() + wait_s
    said = "nobody answers"
    while time.monotonic() < end:
        try:
            if consul.call("GET", "/v1/status/leader"):
                return
            said = "there is no leader"
        except (OSError, Refused) as error:
            said = str(error)
        time.sleep(0.3)
    raise TimeoutError(f"Consul is not ready after {wait_s} s: {said}")


def reachable(consul: Consul) -> bool:
    """Whether anybody answers."""
    try:
        consul.call("GET", "/v1/status/leader")
    except (OSError, Refused):
        return False
    return True
