"""Whether somebody else's Nomad can run our jobs on this host."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.local import stranger_nomad
from hoploom.local.stranger import Stranger
from hoploom.local.wishes import Wish

Engine = Callable[[Mapping[str, Any]], Awaitable[str]]
NODE = {
    "ID": "n-1", "Address": "127.0.0.1", "Datacenter": "east", "NodePool": "edge", "Version": "1.11.3",
    "Status": "ready", "SchedulingEligibility": "eligible", "Drivers": {"raw_exec": {"Healthy": True}},
}  # fmt: skip
AWAY = {**NODE, "ID": "n-2", "Address": "192.0.2.1"}
GOOD = {
    "/v1/status/leader": "10.0.0.1:4647",
    "/v1/acl/token/self": {"AccessorID": "a", "SecretID": "s"},
    "/v1/nodes": [AWAY, NODE],
    "/v1/job/hoploom-input/plan": {},
}


async def look(http: HttpClient, url: str) -> stranger_nomad.Client | None:
    return await stranger_nomad.look(Stranger(http, "Nomad", Wish(url, said=True, token="t")), "hoploom")


@pytest.mark.parametrize(
    ("answer", "acl"),
    [
        ({"AccessorID": "a", "SecretID": "s"}, True),
        ({"AccessorID": "acls-disabled", "SecretID": ""}, False),
        ((400, "ACL support disabled"), False),
    ],
)
async def test_the_client_of_this_host_is_taken(http: HttpClient, engine: Engine, answer: Any, acl: bool) -> None:
    found = await look(http, await engine({**GOOD, "/v1/acl/token/self": answer}))
    assert found == stranger_nomad.Client("n-1", "east", "edge", "1.11.3", acl)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/v1/status/leader": ""}, "has no leader"),
        ({"/v1/acl/token/self": (403, "Permission denied")}, "does not know our token"),
        ({"/v1/acl/token/self": {"AccessorID": "anonymous", "SecretID": ""}}, "does not know our token"),
        ({"/v1/nodes": (403, "Permission denied")}, "refuses /v1/nodes"),
        ({"/v1/nodes": [AWAY]}, "has no client on this host"),
        ({"/v1/nodes": [{**NODE, "SchedulingEligibility": "ineligible"}]}, "takes no jobs now"),
        ({"/v1/nodes": [{**NODE, "Drivers": {"exec": {"Healthy": True}}}]}, 'allow it by plugin "raw_exec"'),
        ({"/v1/nodes": [{**NODE, "Version": "1.6.0"}]}, "is 1.6.0, and 1.8.0 is the oldest"),
        ({"/v1/job/hoploom-input/plan": (403, "Permission denied")}, "may not submit hoploom-input"),
    ],
)
async def test_one_that_will_not_do_is_named_with_the_way_out(
    http: HttpClient, engine: Engine, answers: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        await look(http, await engine({**GOOD, **answers}))
    assert said in str(refused.value)
