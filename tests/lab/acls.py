"""Consul's ACLs over joined datacenters: default deny, one token a service, made in the home and copied by Consul.

The policies are those of `consul/policies/`, so what a service may not do there it may not do here.
"""

import json
import secrets
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from hoploom.kit.deploy import deploy_root
from waiting import until

ANONYMOUS = "00000000-0000-0000-0000-000000000002"
SERVICES = ("input", "output", "manager", "ping", "fabio")


class Acls:
    """The tokens of one run."""

    def __init__(self, folder: Path, home: str) -> None:
        """Make the secrets, each in a file of its own.

        Args:
            folder: Where the files go.
            home: The datacenter whose tokens are copied.
        """
        folder.mkdir(parents=True)
        self.home, self.files = home, {name: folder / name for name in SERVICES}
        self._management = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        for path in self.files.values():
            path.write_text(str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)))

    def config(self, dc: str) -> dict[str, Any]:
        """What a server's configuration has of it."""
        own = "initial_management" if dc == self.home else "replication"
        rules = {"enabled": True, "default_policy": "deny", "enable_token_replication": True}
        return {"primary_datacenter": self.home, "acl": {**rules, "tokens": {own: self._management}}}

    def fill(self, consul_url: str) -> None:
        """Make policies and tokens at the home, once it has a leader."""
        until("the management token", lambda: self.known(consul_url), 40)
        for name in (*SERVICES, "anonymous"):
            rules = (deploy_root() / "consul" / "policies" / f"{name}.hcl").read_text(encoding="utf-8")
            assert self._call("PUT", f"{consul_url}/v1/acl/policy", Name=name, Rules=rules)
        for name, path in self.files.items():
            token = {"SecretID": path.read_text(), "Policies": [{"Name": name}]}
            assert self._call("PUT", f"{consul_url}/v1/acl/token", **token)
        assert self._call("PUT", f"{consul_url}/v1/acl/token/{ANONYMOUS}", Policies=[{"Name": "anonymous"}])

    def known(self, consul_url: str) -> bool:
        """Whether a datacenter knows the management token."""
        return self._call("GET", f"{consul_url}/v1/acl/token/self") is not None

    def copied(self, consul_url: str) -> bool:
        """Whether a datacenter knows all tokens, and may register its own node."""
        if not self.known(consul_url):
            return False
        policies = {each["Name"] for each in self._call("GET", f"{consul_url}/v1/acl/policies") or []}
        tokens = self._call("GET", f"{consul_url}/v1/acl/tokens") or []
        # A token whose policy is not there yet may do nothing, and an agent tries again after 15 s only.
        if not policies >= {*SERVICES, "anonymous"} or len(tokens) < len(SERVICES) + 2:
            return False
        return self._call("PUT", f"{consul_url}/v1/agent/token/agent", Token=self._management) is not None

    def _call(self, method: str, url: str, **document: object) -> Any:
        body = json.dumps(document).encode() if document else None
        headers = {"X-Consul-Token": self._management}
        try:
            wanted = urllib.request.Request(url, body, headers, method=method)
            with urllib.request.urlopen(wanted, timeout=5) as answer:
                return json.loads(answer.read() or b"{}")
        except (urllib.error.URLError, OSError):
            return None
