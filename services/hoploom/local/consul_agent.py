"""The local Consul: started, its ACLs filled in, and whatever a crash left behind removed."""

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from hoploom.kit import fabio_api
from hoploom.kit.deploy import deploy_root
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.kit.names import Names
from hoploom.kit.registration import BESIDE
from hoploom.local import tokens
from hoploom.local.until import until

SERVICES = ("input", "output", "manager", "ping")
BOOTED = "booted_at_us"
"""Every registration of an instance on the kit has it among its metadata."""
START_TIMEOUT_S = 30.0
# Fixed names for our tokens, so that a second `up` finds them again: UUID version 5 of the policy's name.
_ACCESSORS = uuid.UUID("6f9a1c52-5d0e-4c56-9f7a-0b5f6f3e7a11")


class ConsulAdmin:
    """What `up` asks of Consul: ACLs and reload as its owner, and leftovers of ours. Not for services."""

    def __init__(self, http: HttpClient, url: str, token: str, names: Names) -> None:
        """Speak to the agent with the management token, or with the one that a person gave."""
        self._http, self._token, self.names = http, token, names
        self.url = url

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One call of the agent's HTTP API; raises Unavailable when it does not answer."""
        return await self._http.request(
            method, self.url + path, json=body, headers={"X-Consul-Token": self._token}, timeout_s=10.0
        )

    async def ready(self) -> None:
        """Wait until there is a leader and our token is known."""
        await until("a Consul leader that knows our token", self._knows_us, START_TIMEOUT_S, "see `logs consul`")

    async def _knows_us(self) -> bool:
        return (await self.call("GET", "/v1/acl/token/self")).ok

    async def fill_acl(self, secrets: Mapping[str, str]) -> None:
        """Create or renew every policy and its token; a second time changes nothing."""
        for name in tokens.CONSUL_POLICIES:
            await self.policy(name)
            await self.token_for(name, accessor(name), secrets[name])
        await self.policy("anonymous")
        anonymous = "00000000-0000-0000-0000-000000000002"
        granted = {"Policies": [{"Name": f"{self.names.prefix}-anonymous"}]}
        await self.must("PUT", f"/v1/acl/token/{anonymous}", granted)

    async def policy(self, service: str) -> None:
        """Create or renew the policy of a service."""
        rules = (deploy_root() / "consul" / "policies" / f"{service}.hcl").read_text(encoding="utf-8")
        await self._policy(f"{self.names.prefix}-{service}", self.names.policy(rules))

    async def _policy(self, name: str, rules: str) -> None:
        found = await self.call("GET", f"/v1/acl/policy/name/{name}")
        body = {"Name": name, "Rules": rules}
        if found.ok:
            known = found.json()
            if known["Rules"] != rules:
                await self.must("PUT", f"/v1/acl/policy/{known['ID']}", body)
        else:
            await self.must("PUT", "/v1/acl/policy", body)

    async def token_for(self, name: str, accessor_id: str, secret: str) -> None:
        """Create the token of a service, unless it is there."""
        if (await self.call("GET", f"/v1/acl/token/{accessor_id}")).ok:
            return
        body = {
            "AccessorID": accessor_id,
            "SecretID": secret,
            "Description": f"{self.names.prefix} {name}",
            "Policies": [{"Name": f"{self.names.prefix}-{name}"}],
        }
        await self.must("PUT", "/v1/acl/token", body)

    async def reload(self) -> None:
        """Make the agent read its configuration folder again."""
        await self.must("PUT", "/v1/agent/reload")

    async def must(self, method: str, path: str, body: Any = None) -> Any:
        """A call that has to succeed; its JSON answer, raises Unavailable."""
        answer = await self.call(method, path, body)
        if not answer.ok:
            raise Unavailable(f"Consul refused {method} {path}: {answer.reason()}")
        return answer.json() if answer.body.strip() else None

    async def registered(self) -> dict[str, dict[str, Any]]:
        """Our services at the agent, by id."""
        found = (await self.call("GET", "/v1/agent/services")).json()
        ours = {self.names.service(name) for name in (*SERVICES, fabio_api.CANARY)}
        return {service_id: each for service_id, each in found.items() if each["Service"] in ours}

    async def clean_up(self) -> list[str]:
        """Deregister our services that nobody listens for any more; returns their ids."""
        gone = []
        for service_id, each in (await self.registered()).items():
            if not await _listens(each["Address"] or "127.0.0.1", int(each["Port"])):
                await self.call("PUT", f"/v1/agent/service/deregister/{service_id}")
                gone.append(service_id)
        return gone

    async def others(self) -> list[str]:
        """Names of the services on the kit, at this agent, that are not the mapper's; sorted."""
        found: dict[str, dict[str, Any]] = (await self.call("GET", "/v1/agent/services")).json()
        on_kit = {each["Service"] for each in found.values() if {BOOTED, BESIDE} & set(each.get("Meta") or ())}
        return sorted(on_kit - {self.names.service(name) for name in SERVICES})

    async def health(self, service: str) -> list[dict[str, Any]]:
        """Entries of the health API for one service of ours, passing or not."""
        path = f"/v1/health/service/{self.names.service(service)}"
        found: list[dict[str, Any]] = (await self.call("GET", path)).json()
        return found


def accessor(name: str) -> str:
    """The fixed name of a token of ours."""
    return str(uuid.uuid5(_ACCESSORS, name))


async def _listens(host: str, port: int) -> bool:
    if not port:
        return False
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1.0)
    except ConnectionRefusedError:
        return False
    except OSError:
        # Slow is not gone.
        return True
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
