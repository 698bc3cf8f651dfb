"""One contract, two Consuls: the same cases against the fake in this process and the real agent."""

import asyncio
import gc
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine_processes import ConsulAgent, free_ports
from hoploom.kit import external_nodes, retry
from hoploom.kit.consul_api import LOCK_FLAG, ConsulApi
from hoploom.kit.errors import TooLarge, Unavailable
from hoploom.kit.external_nodes import ExternalNode
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.names import Names
from locks import lock, unlock
from waiting import eventually

SOON_S = 10.0


async def test_among_strangers_keys_and_services_carry_the_prefix_and_callers_do_not_see_it(
    agent: ConsulAgent,
) -> None:
    api, names = ConsulApi(agent.url, names=Names.apart("loom2")), Names.apart("loom2")
    plain = ConsulApi(agent.url)
    await plain.kv_put("hoploom/t/a", b"a stranger's")
    assert await api.kv_get("hoploom/t/a") is None
    written = await api.kv_txn([{"Verb": "set", "Key": "hoploom/t/a", "Value": b"ours"}])
    assert written is not None and written[0].key == "hoploom/t/a"
    assert [each.key for each in await api.kv_list("hoploom/t/")] == ["hoploom/t/a"]
    assert (await plain.kv_list("loom2/"))[0].value == b"ours"
    await api.register(a_service("loom2-shop-1") | {"Name": names.service("shop")})
    (found,) = (await api.instances("shop", passing=False))[1]
    assert (found.id, found.service) == ("loom2-shop-1", "shop")
    assert (await plain.instances("shop", passing=False))[1] == []
    pi = ExternalNode("edge-pi", "shop", "shop-pi", status="passing")
    await api.kv_txn(external_nodes.entered(pi))
    assert (await api.external_nodes("shop"), await plain.external_nodes("shop")) == ([pi], [])
    [there] = [each for each in (await api.instances("shop"))[1] if not each.port]
    assert (there.node, there.service) == ("loom2-edge-pi", "shop")
    await api.kv_txn(external_nodes.removed("edge-pi"))
    assert await api.external_nodes("shop") == []
    await api.kv_delete("hoploom/t/", recurse=True)
    assert (await plain.kv_list("loom2/"), len(await plain.kv_list("hoploom/t/"))) == ([], 1)
    await plain.kv_delete("hoploom/t/", recurse=True)
    await api.deregister("loom2-shop-1")
    await api.close()
    await plain.close()


@pytest.fixture
async def real(agent: ConsulAgent) -> AsyncIterator[ConsulApi]:
    api = ConsulApi(agent.url)
    yield api
    await api.close()


def a_service(service_id: str = "shop-1", **more: Any) -> dict[str, Any]:
    """A record with the three kinds of checks; the two that Consul carries out itself fail here."""
    return {
        "ID": service_id,
        "Name": "shop",
        "Address": "127.0.0.1",
        "Port": 1,
        "Tags": ["urlprefix-/shop", "0.1.0"],
        "Meta": {"version": "0.1.0"},
        "Checks": [
            {"CheckID": f"{service_id}:ttl", "Name": "ttl", "TTL": "60s"},
            {"CheckID": f"{service_id}:http", "Name": "http", "HTTP": "http://127.0.0.1:1/", "Interval": "1h"},
            {"CheckID": f"{service_id}:tcp", "Name": "tcp", "TCP": "127.0.0.1:1", "Interval": "1h"},
        ],
        **more,
    }


def beating(service_id: str = "shop-1") -> dict[str, Any]:
    """A record with a TTL check alone."""
    return a_service(service_id, Checks=[{"CheckID": f"{service_id}:ttl", "Name": "ttl", "TTL": "60s"}])


async def shown(consul: ConsulApi, number: int, *, passing: bool = True) -> list[Any]:
    """The instances of the shop, once there are so many: what an agent knows reaches the catalogue a moment later."""
    index, found = 0, list[Any]()
    async with asyncio.timeout(SOON_S):
        while True:
            index, found = await consul.instances("shop", passing=passing, index=index, wait_s=1.0)
            if len(found) == number:
                return found


# --- keys


async def test_a_key_that_is_not_there_is_none_and_a_list_is_empty(consul: ConsulApi) -> None:
    assert await consul.kv_get("t/none") is None
    assert await consul.kv_get("t/none", consistent=True) is None
    assert await consul.kv_list("t/none") == []


VALUES = [b"", b"x", b"\x00\xff binary \xfe", "wörter".encode(), b"x" * 60_000]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{len(value)} bytes")
async def test_what_is_written_is_read(consul: ConsulApi, value: bytes) -> None:
    assert await consul.kv_put("t/key", value)
    entry = await consul.kv_get("t/key", consistent=True)
    assert entry is not None
    assert (entry.key, entry.value, entry.session) == ("t/key", value, "")
    assert isinstance(entry.modify_index, int)


async def test_compare_and_set_with_0_creates_once(consul: ConsulApi) -> None:
    assert await consul.kv_put("t/key", b"first", cas=0)
    assert not await consul.kv_put("t/key", b"second", cas=0)
    entry = await consul.kv_get("t/key")
    assert entry is not None
    assert entry.value == b"first"


async def test_compare_and_set_takes_the_right_index_and_refuses_a_stale_one(consul: ConsulApi) -> None:
    await consul.kv_put("t/key", b"1")
    entry = await consul.kv_get("t/key")
    assert entry is not None
    assert await consul.kv_put("t/key", b"2", cas=entry.modify_index)
    assert not await consul.kv_put("t/key", b"3", cas=entry.modify_index)
    now = await consul.kv_get("t/key")
    assert now is not None
    assert now.value == b"2"
    assert now.modify_index > entry.modify_index


async def test_a_list_comes_in_key_order(consul: ConsulApi) -> None:
    for name in ("b", "a", "c/d"):
        await consul.kv_put(f"t/list/{name}", name.encode())
    await consul.kv_put("t/other", b"")
    assert [entry.key for entry in await consul.kv_list("t/list/")] == ["t/list/a", "t/list/b", "t/list/c/d"]


async def test_delete_takes_one_key_or_all_below(consul: ConsulApi) -> None:
    for name in ("a", "a/b", "a/c", "d"):
        await consul.kv_put(f"t/{name}", b"")
    await consul.kv_delete("t/a")
    assert [entry.key for entry in await consul.kv_list("t/")] == ["t/a/b", "t/a/c", "t/d"]
    await consul.kv_delete("t/a/", recurse=True)
    assert [entry.key for entry in await consul.kv_list("t/")] == ["t/d"]
    await consul.kv_delete("t/never")


TRANSACTIONS: list[tuple[str, list[dict[str, Any]], bool]] = [
    ("writes what is free", [{"Verb": "set", "Key": "t/a", "Value": b"1"}], True),
    ("creates by compare-and-set", [{"Verb": "cas", "Key": "t/a", "Value": b"1", "Index": 0}], True),
    ("finds the key free", [{"Verb": "check-not-exists", "Key": "t/a"}], True),
    ("does not find a taken key free", [{"Verb": "check-not-exists", "Key": "t/taken"}], False),
    ("meets a stale index", [{"Verb": "cas", "Key": "t/taken", "Value": b"1", "Index": 1}], False),
    ("checks a wrong index", [{"Verb": "check-index", "Key": "t/taken", "Index": 1}], False),
    ("checks the index of nothing", [{"Verb": "check-index", "Key": "t/a", "Index": 1}], False),
    ("deletes", [{"Verb": "delete", "Key": "t/taken"}], True),
]


@pytest.mark.parametrize(("what", "operations", "good"), TRANSACTIONS, ids=[each[0] for each in TRANSACTIONS])
async def test_a_transaction_that(consul: ConsulApi, what: str, operations: list[dict[str, Any]], good: bool) -> None:
    await consul.kv_put("t/taken", b"before")
    both = [{"Verb": "set", "Key": "t/beside", "Value": b"\x00"}, *operations]
    assert (await consul.kv_txn(both) is not None) is good, what
    beside = await consul.kv_get("t/beside")
    assert (beside is not None) is good, "all or nothing"


async def test_a_transaction_checks_the_right_index(consul: ConsulApi) -> None:
    await consul.kv_put("t/key", b"1")
    entry = await consul.kv_get("t/key")
    assert entry is not None
    check = {"Verb": "check-index", "Key": "t/key", "Index": entry.modify_index}
    assert await consul.kv_txn([check, {"Verb": "set", "Key": "t/key", "Value": b"2"}])
    assert not await consul.kv_txn([check])


async def test_the_limits_are_said(consul: ConsulApi) -> None:
    with pytest.raises(TooLarge):
        await consul.kv_put("t/large", b"x" * (512 * 1024 + 1))
    with pytest.raises(TooLarge):
        await consul.kv_txn([{"Verb": "set", "Key": f"t/{n}", "Value": b""} for n in range(129)])
    assert await consul.kv_txn([{"Verb": "set", "Key": f"t/{n}", "Value": b""} for n in range(128)])


async def test_a_watch_wakes_on_a_change_and_its_index_never_falls(consul: ConsulApi) -> None:
    await consul.kv_put("t/watch/a", b"1")
    index, entries = await consul.kv_watch("t/watch/", 0)
    assert [entry.value for entry in entries] == [b"1"]
    for value in (b"2", b"3"):
        waiting = asyncio.create_task(consul.kv_watch("t/watch/", index))
        await asyncio.sleep(0)
        await consul.kv_put("t/watch/a", value)
        found, entries = await asyncio.wait_for(waiting, SOON_S)
        assert found > index
        assert [entry.value for entry in entries] == [value]
        index = found


async def test_a_watch_of_nothing_wakes_when_something_comes(consul: ConsulApi) -> None:
    index, entries = await consul.kv_watch("t/watch/", 0)
    assert entries == []
    waiting = asyncio.create_task(consul.kv_watch("t/watch/", index))
    await consul.kv_put("t/watch/a", b"")
    assert len((await asyncio.wait_for(waiting, SOON_S))[1]) == 1


async def test_a_watch_without_a_change_ends_with_its_wait(consul: ConsulApi) -> None:
    await consul.kv_put("t/watch/a", b"1")
    index, _ = await consul.kv_watch("t/watch/", 0)
    found, entries = await asyncio.wait_for(consul.kv_watch("t/watch/", index, wait_s=0.05), SOON_S)
    assert found == index
    assert len(entries) == 1


# --- services


async def test_a_service_is_registered_with_its_three_kinds_of_checks(consul: ConsulApi) -> None:
    await consul.register(a_service())
    [instance] = await shown(consul, 1, passing=False)
    assert (instance.id, instance.service, instance.url) == ("shop-1", "shop", "http://127.0.0.1:1")
    assert (instance.tags, instance.meta["version"], instance.dc) == (("urlprefix-/shop", "0.1.0"), "0.1.0", "dc1")
    # A real agent adds its node's own check.
    checks = {check.name: check.status for check in instance.checks if check.name != "Serf Health Status"}
    assert checks == {"ttl": "critical", "http": "critical", "tcp": "critical"}
    assert instance.status == "critical"


async def test_the_agents_own_record_or_none(consul: ConsulApi) -> None:
    assert await consul.service("shop-1") is None
    await consul.register(a_service())
    record = await consul.service("shop-1")
    assert record is not None
    assert (record["ID"], record["Service"], record["Port"]) == ("shop-1", "shop", 1)


async def test_only_passing_instances_are_given_unless_all_are_asked_for(consul: ConsulApi) -> None:
    for service_id in ("shop-1", "shop-2"):
        await consul.register(beating(service_id))
    await consul.heartbeat("shop-2:ttl", "passing", "well")
    assert [each.id for each in await shown(consul, 1)] == ["shop-2"]
    assert {each.id for each in await shown(consul, 2, passing=False)} == {"shop-1", "shop-2"}


@pytest.mark.parametrize("status", ["passing", "warning", "critical"])
async def test_a_heartbeat_sets_status_and_words(consul: ConsulApi, status: str) -> None:
    await consul.register(beating())
    # An agent passes on another text at once only with another status ("check_update_interval" in its manual).
    await consul.heartbeat("shop-1:ttl", "warning" if status == "critical" else "critical", "")
    await consul.heartbeat("shop-1:ttl", status, "spool 12 % full & more?")
    async with asyncio.timeout(SOON_S):
        index = 0
        while True:
            index, found = await consul.instances("shop", passing=False, index=index, wait_s=1.0)
            checks = {check.name: check for instance in found for check in instance.checks}
            if "ttl" in checks and checks["ttl"].output:
                break
    assert (checks["ttl"].status, checks["ttl"].output) == (status, "spool 12 % full & more?")


async def test_a_blocking_query_wakes_on_a_check_flip(consul: ConsulApi) -> None:
    await consul.register(beating())
    await consul.heartbeat("shop-1:ttl", "passing", "")
    await shown(consul, 1)
    index, [instance] = await consul.instances("shop")
    assert instance.status == "passing"
    waiting = asyncio.create_task(consul.instances("shop", index=index))
    await consul.heartbeat("shop-1:ttl", "critical", "")
    found, instances = await asyncio.wait_for(waiting, SOON_S)
    assert found > index
    assert instances == []


async def test_maintenance_takes_out_and_brings_back(consul: ConsulApi) -> None:
    await consul.register(beating())
    await consul.heartbeat("shop-1:ttl", "passing", "")
    await shown(consul, 1)
    await consul.maintenance("shop-1", enable=True, reason="draining & done")
    await shown(consul, 0)
    [instance] = await shown(consul, 1, passing=False)
    assert ("Service Maintenance Mode", "critical") in [(check.name, check.status) for check in instance.checks]
    await consul.maintenance("shop-1", enable=False)
    await shown(consul, 1)


async def test_registering_again_ends_maintenance_and_keeps_the_checks_status(consul: ConsulApi) -> None:
    await consul.register(beating())
    await consul.heartbeat("shop-1:ttl", "passing", "")
    await shown(consul, 1)
    await consul.maintenance("shop-1", enable=True)
    await shown(consul, 0)
    await consul.register(beating())
    [instance] = await shown(consul, 1)
    assert instance.status == "passing"


async def test_a_known_check_keeps_its_status_and_a_critical_one_can_be_made_to_pass(consul: ConsulApi) -> None:
    well = beating()
    well["Checks"] = [{**each, "Status": "passing"} for each in well["Checks"]]
    await consul.register(beating())
    await consul.register(well)
    [instance] = await shown(consul, 1, passing=False)
    assert instance.status == "critical"
    await consul.pass_critical_checks("shop-1")
    await consul.register(well)
    [instance] = await shown(consul, 1)
    assert "ttl" in {check.name for check in instance.checks}
    await consul.heartbeat("shop-1:ttl", "warning", "slow")
    await consul.pass_critical_checks("shop-1")
    [instance] = await shown(consul, 1, passing=False)
    assert instance.status == "warning", "only critical ones are touched"


async def test_deregistered_is_gone_and_again_is_fine(consul: ConsulApi) -> None:
    await consul.register(a_service())
    await shown(consul, 1, passing=False)
    await consul.deregister("shop-1")
    assert await consul.service("shop-1") is None
    await shown(consul, 0, passing=False)
    await consul.deregister("shop-1")
    await consul.deregister("never-there")


UNKNOWN: list[tuple[str, Callable[[ConsulApi], Awaitable[object]]]] = [
    ("a heartbeat", lambda consul: consul.heartbeat("nobody:ttl", "passing", "")),
    ("maintenance on", lambda consul: consul.maintenance("nobody", enable=True)),
    ("maintenance off", lambda consul: consul.maintenance("nobody", enable=False)),
]


@pytest.mark.parametrize(("what", "call"), UNKNOWN, ids=[each[0] for each in UNKNOWN])
async def test_of_an_unknown_instance_is_refused(
    consul: ConsulApi, what: str, call: Callable[[ConsulApi], Awaitable[object]]
) -> None:
    with pytest.raises(Unavailable, match="nobody"):
        await call(consul)


async def test_services_are_listed_with_their_tags(consul: ConsulApi) -> None:
    await consul.register(a_service())
    await shown(consul, 1, passing=False)
    services = await consul.services()
    assert sorted(services["shop"]) == ["0.1.0", "urlprefix-/shop"]
    assert "consul" in services


async def test_another_datacenter_is_asked_by_its_name_and_one_without_a_way_there_is_away(consul: ConsulApi) -> None:
    await consul.register(beating())
    await consul.heartbeat("shop-1:ttl", "passing", "")
    await shown(consul, 1)
    assert await consul.datacenters() == ["dc1"]
    _, [own] = await consul.instances("shop", dc="dc1")
    assert own.dc == "dc1"
    with pytest.raises(Unavailable, match="No path to datacenter"):
        await consul.instances("shop", dc="nowhere")
    await consul.kv_put("t/a", b"1")
    index, [entry] = await consul.kv_of("dc1", "t/")
    assert (entry.key, entry.value, index) == ("t/a", b"1", entry.modify_index)
    with pytest.raises(Unavailable, match="No path to datacenter"):
        await consul.kv_of("nowhere", "t/")
    assert await consul.own_dc() == "dc1"
    assert not await consul.kv_delete_of("dc1", "t/a", cas=entry.modify_index - 1)
    assert await consul.kv_delete_of("dc1", "t/a", cas=entry.modify_index) and await consul.kv_get("t/a") is None
    with pytest.raises(Unavailable, match="No path to datacenter"):
        await consul.kv_delete_of("nowhere", "t/a", cas=1)


def a_node(name: str = "edge-pi", status: str = "passing") -> ExternalNode:
    return ExternalNode(name, "shop", f"shop-{name}", ("0.1.0",), {"edge": "true"}, status, f"it is {status}")


async def test_a_node_without_an_agent_is_entered_judged_and_removed(consul: ConsulApi) -> None:
    pi, attic = a_node(), a_node("edge-attic", "warning")
    assert await consul.kv_txn([*external_nodes.entered(pi), *external_nodes.entered(attic)]) == ()
    assert sorted(await consul.external_nodes("shop"), key=lambda node: node.name) == [attic, pi]
    [instance] = (await consul.instances("shop"))[1]
    assert (instance.id, instance.node, instance.address, instance.port) == (
        "shop-edge-pi", "edge-pi", "edge-pi.invalid", 0
    )  # fmt: skip
    assert (instance.tags, instance.meta, instance.status) == (("0.1.0",), {"edge": "true"}, "passing")
    critical = a_node(status="critical")
    assert await consul.kv_txn(external_nodes.judged(critical)) is not None
    assert critical in await consul.external_nodes("shop")
    for name in (pi.name, attic.name, "edge-never"):
        assert await consul.kv_txn(external_nodes.removed(name)) is not None
    assert (await consul.external_nodes("shop"), (await consul.instances("shop", passing=False))[1]) == ([], [])
    assert await consul.kv_txn(external_nodes.judged(pi)) is None, "a node that is gone is not judged"


async def test_a_node_that_lost_its_service_is_seen_without_it_and_put_right(consul: ConsulApi) -> None:
    await consul.kv_txn(external_nodes.entered(a_node())[:1])
    assert await consul.external_nodes("shop") == [ExternalNode("edge-pi", "shop")]
    await consul.kv_txn(external_nodes.entered(a_node()))
    assert await consul.external_nodes("shop") == [a_node()]
    await consul.kv_txn(external_nodes.removed("edge-pi"))


async def test_nodes_and_keys_change_together_or_not_at_all(consul: ConsulApi) -> None:
    await consul.kv_put("t/key", b"1")
    stale = {"Verb": "check-index", "Key": "t/key", "Index": 1}
    assert await consul.kv_txn([*external_nodes.entered(a_node()), stale]) is None
    assert await consul.external_nodes("shop") == []
    mark = {"Verb": "set", "Key": "t/key", "Value": b"2"}
    written = await consul.kv_txn([mark, *external_nodes.entered(a_node())])
    assert written is not None and [each.key for each in written] == ["t/key"]
    await consul.kv_txn(external_nodes.removed("edge-pi"))


async def test_there_is_a_leader(consul: ConsulApi) -> None:
    assert ":" in await consul.leader()


# --- away

CALLS: list[tuple[str, Callable[[ConsulApi], Awaitable[object]]]] = [
    ("kv_get", lambda consul: consul.kv_get("t/a")),
    ("kv_get consistent", lambda consul: consul.kv_get("t/a", consistent=True)),
    ("kv_list", lambda consul: consul.kv_list("t/")),
    ("kv_watch", lambda consul: consul.kv_watch("t/", 7)),
    ("kv_of", lambda consul: consul.kv_of("dc1", "t/")),
    ("kv_put", lambda consul: consul.kv_put("t/a", b"")),
    ("kv_delete_of", lambda consul: consul.kv_delete_of("dc1", "t/a", cas=1)),
    ("own_dc", lambda consul: consul.own_dc()),
    ("kv_delete", lambda consul: consul.kv_delete("t/a")),
    ("kv_txn", lambda consul: consul.kv_txn([{"Verb": "set", "Key": "t/a", "Value": b""}])),
    ("register", lambda consul: consul.register(a_service())),
    ("service", lambda consul: consul.service("shop-1")),
    ("deregister", lambda consul: consul.deregister("shop-1")),
    ("maintenance", lambda consul: consul.maintenance("shop-1", enable=True)),
    ("heartbeat", lambda consul: consul.heartbeat("shop-1:ttl", "passing", "")),
    ("instances", lambda consul: consul.instances("shop")),
    ("instances blocking", lambda consul: consul.instances("shop", index=7)),
    ("instances of another datacenter", lambda consul: consul.instances("shop", dc="dc1")),
    ("external_nodes", lambda consul: consul.external_nodes("shop")),
    ("datacenters", lambda consul: consul.datacenters()),
    ("services", lambda consul: consul.services()),
    ("leader", lambda consul: consul.leader()),
    ("session_create", lambda consul: consul.session_create({"TTL": "10s"})),
    ("session_renew", lambda consul: consul.session_renew("s")),
    ("session_destroy", lambda consul: consul.session_destroy("s")),
]


@pytest.mark.parametrize("kind", ["fake", "refused port"])
@pytest.mark.parametrize(("name", "call"), CALLS, ids=[each[0] for each in CALLS])
async def test_away_is_unavailable_and_never_empty(
    kind: str, name: str, call: Callable[[ConsulApi], Awaitable[object]]
) -> None:
    if kind == "fake":
        consul: ConsulApi = FakeConsul()
        consul.away = True  # type: ignore[attr-defined]
    else:
        consul = ConsulApi(f"http://127.0.0.1:{free_ports(1)[0]}")
    try:
        with pytest.raises(Unavailable, match="does not answer"):
            await call(consul)
    finally:
        await consul.close()


async def test_who_is_waiting_learns_that_the_fake_went_away() -> None:
    consul = FakeConsul()
    waiting = asyncio.create_task(consul.kv_watch("t/", 1))
    await asyncio.sleep(0)
    consul.away = True
    with pytest.raises(Unavailable):
        await asyncio.wait_for(waiting, SOON_S)


# --- what only a network can do


@asynccontextmanager
async def answering(status: int, text: str, headers: dict[str, str] | None = None) -> AsyncIterator[ConsulApi]:
    """A Consul that answers everything with one status."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        api = ConsulApi(str(server.make_url("/")))
        try:
            yield api
        finally:
            await api.close()


ANSWERS = [
    (429, "Your IP is issuing too many concurrent connections", "answered 429: Your IP"),
    (500, "No cluster leader", "answered 500: No cluster leader"),
    (503, "", "answered 503: no reason given"),
    (307, "", "answered 307"),
    (403, "Permission denied: token lacks 'key:write'", "refused the token: Permission denied: token lacks"),
    (401, "ACL support disabled", "refused the token: ACL support disabled"),
    (400, "Missing key name", "refused the call: 400 Missing key name"),
    (200, "<html>another server</html>", "no JSON: something else than Consul"),
]


@pytest.mark.parametrize(("status", "text", "said"), ANSWERS)
async def test_each_failure_says_what_was_answered(
    status: int, text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "ELECTION_S", 0)
    async with answering(status, text) as consul:
        with pytest.raises(Unavailable, match=said):
            await consul.kv_get("t/a")


async def test_an_index_that_is_no_number_is_no_index() -> None:
    async with answering(200, "[]", {"X-Consul-Index": "many"}) as consul:
        assert await consul.instances("shop") == (0, [])


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.kit.consul_transport.CALL_TIMEOUT_S", 0.1)

    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(never, "127.0.0.1", 0)
    consul = ConsulApi(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        async with asyncio.timeout(SOON_S):
            with pytest.raises(Unavailable, match="does not answer"):
                await consul.kv_get("t/a")
            with pytest.raises(Unavailable, match="does not answer"):
                await consul.kv_watch("t/", 7, wait_s=0.1)
    finally:
        await consul.close()
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_the_environment_never_beats_the_settings(real: ConsulApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "http://127.0.0.1:1")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "wrong")
    monkeypatch.setenv("CONSUL_HTTP_SSL", "true")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert os.environ["CONSUL_HTTP_ADDR"]
    seen: list[str | None] = []

    async def leader(request: web.Request) -> web.Response:
        seen.append(request.headers.get("X-Consul-Token"))
        return web.json_response("127.0.0.1:8300")

    app = web.Application()
    app.router.add_get("/v1/status/leader", leader)
    async with TestServer(app) as server:
        for token in ("", "ours"):
            consul = ConsulApi(str(server.make_url("/")), token)
            await consul.leader()
            await consul.close()
    assert seen == [None, "ours"]


async def test_a_missing_permission_is_said_with_its_name(engine_paths: dict[str, Path], tmp_path: Path) -> None:
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": "root-token"}}
    agent = ConsulAgent(engine_paths["consul"], tmp_path, acl=acl)
    agent.start_bare()
    allowed, nobody, stranger = (ConsulApi(agent.url, token) for token in ("root-token", "", "no-such-token"))
    try:
        await retry.patiently(30.0)(allowed.kv_put, "t/a", b"")
        with pytest.raises(Unavailable, match=r"refused the token: .*key:write"):
            await nobody.kv_put("t/a", b"")
        for denied in ([{"Verb": "set", "Key": "t/a", "Value": b""}], external_nodes.entered(a_node())):
            with pytest.raises(Unavailable, match=r"refused the token: .*(key|node):write"):
                await nobody.kv_txn(denied)
        with pytest.raises(Unavailable, match=r"refused the token: .*ACL not found"):
            await stranger.register(a_service())
        await allowed.register(a_service())
        with pytest.raises(Unavailable, match=r"refused the token: .*service:read"):
            await nobody.service("shop-1")
    finally:
        for api in (allowed, nobody, stranger):
            await api.close()
        agent.stop()


async def test_nothing_is_left_for_the_garbage_collector_to_warn_of(agent: ConsulAgent) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        consul = ConsulApi(agent.url)
        await consul.leader()
        await consul.close()
        del consul
        unused = ConsulApi(agent.url)
        await unused.close()
        del unused
        gc.collect()
    assert [str(each.message) for each in caught] == []


async def test_120_watchers_starve_no_write(real: ConsulApi) -> None:
    await real.kv_delete("t/", recurse=True)
    await real.kv_put("t/many", b"")
    index, _ = await real.kv_watch("t/many", 0)
    watchers = [asyncio.create_task(real.kv_watch("t/many", index)) for _ in range(120)]
    async with asyncio.timeout(SOON_S):
        assert await real.kv_put("t/other", b"")
        assert await real.kv_put("t/many", b"now")
        woken = await asyncio.gather(*watchers)
    assert all(found > index and entries[0].value == b"now" for found, entries in woken)


async def a_session(consul: ConsulApi, **more: Any) -> str:
    return await consul.session_create({"TTL": "10s", "LockDelay": "0s", "NodeChecks": [], **more})


async def test_a_lock_is_held_by_one_session_until_it_is_released(consul: ConsulApi) -> None:
    one, two = await a_session(consul), await a_session(consul)
    assert await lock(consul, "t/.lock", b"one", one)
    assert await lock(consul, "t/.lock", b"one again", one), "its holder may take it again"
    assert not await lock(consul, "t/.lock", b"two", two)
    assert not await unlock(consul, "t/.lock", b"", two)
    held = await consul.kv_get("t/.lock", consistent=True)
    assert held is not None and (held.value, held.session, held.flags) == (b"one again", one, LOCK_FLAG)
    assert await unlock(consul, "t/.lock", b"left", one)
    assert await lock(consul, "t/.lock", b"two", two)
    after = await consul.kv_get("t/.lock", consistent=True)
    assert after is not None and after.modify_index > held.modify_index
    for each in (one, two):
        await consul.session_destroy(each)


async def test_a_lock_is_taken_and_given_over_what_was_seen_and_nothing_else(consul: ConsulApi) -> None:
    one, two = await a_session(consul), await a_session(consul)
    take: dict[str, Any] = {"Verb": "lock", "Key": "t/.lock", "Value": b"one", "Flags": LOCK_FLAG, "Session": one}
    give: dict[str, Any] = {"Verb": "unlock", "Key": "t/.lock", "Value": b"left", "Flags": LOCK_FLAG, "Session": one}

    def seen_at(index: int) -> dict[str, Any]:
        return {"Verb": "check-index", "Key": "t/.lock", "Index": index}

    absent: dict[str, Any] = {"Verb": "check-not-exists", "Key": "t/.lock"}
    found = await consul.kv_txn([absent, take])
    held = await consul.kv_get("t/.lock", consistent=True)
    assert found and held and found[-1].modify_index == held.modify_index
    assert (held.value, held.session, held.flags) == (b"one", one, LOCK_FLAG)
    assert await consul.kv_txn([absent, take]) is None, "the same request once more"
    assert await consul.kv_txn([seen_at(held.modify_index), {**take, "Session": two}]) is None
    assert await consul.kv_txn([seen_at(held.modify_index), {**give, "Session": two}]) is None
    assert await consul.kv_txn([seen_at(held.modify_index - 1), give]) is None
    assert await consul.kv_txn([seen_at(held.modify_index), give])
    free = await consul.kv_get("t/.lock", consistent=True)
    assert free and (free.value, free.session, free.flags) == (b"left", "", LOCK_FLAG)
    assert await consul.kv_txn([seen_at(held.modify_index), {**take, "Session": two}]) is None, "it was held since"
    other = {"Key": "t/other/.lock", "Session": two}
    found = await consul.kv_txn(
        [seen_at(free.modify_index), {**take, "Session": two}, {**absent, "Key": other["Key"]}, {**take, **other}]
    )
    # What was only looked at may be told too, before what was written.
    told = {each.key: each.modify_index for each in found or ()}
    assert told == {each.key: each.modify_index for each in await consul.kv_list("t/")}
    for each in (one, two):
        await consul.session_destroy(each)
    assert await consul.kv_txn([{**take, "Session": two}]) is None, "there is no such session any more"


async def test_a_transaction_tells_a_key_as_it_is_then_or_that_there_is_none(consul: ConsulApi) -> None:
    get, write = {"Verb": "get-or-empty", "Key": "t/epoch"}, {"Verb": "set", "Key": "t/a", "Value": b"1"}
    found = await consul.kv_txn([write, get])
    assert found is not None
    assert [(each.key, each.value, each.modify_index > 0) for each in found] == [
        ("t/a", b"", True), ("t/epoch", b"", False)
    ]  # fmt: skip
    await consul.kv_put("t/epoch", b"7")
    known = await consul.kv_get("t/epoch")
    found = await consul.kv_txn([write, get])
    assert known and found and (found[-1].value, found[-1].modify_index) == (b"7", known.modify_index)


async def test_who_looks_at_a_key_that_is_gone_sees_when(consul: ConsulApi) -> None:
    await consul.kv_put("t/.lock", b"")
    entry = await consul.kv_get("t/.lock", consistent=True)
    await consul.kv_delete("t/.lock")
    index, entries = await consul.kv_watch("t/.lock", 0)
    assert entry and entries == [] and index > entry.modify_index


async def test_a_session_is_renewed_until_it_has_ended(consul: ConsulApi) -> None:
    session = await a_session(consul)
    assert await consul.session_renew(session)
    assert await lock(consul, "t/.lock", b"one", session)
    await consul.session_destroy(session)
    assert not await consul.session_renew(session)
    entry = await consul.kv_get("t/.lock", consistent=True)
    assert entry is not None and entry.session == "" and entry.value == b"one"


async def test_a_transaction_over_a_lock_is_refused_when_another_holds_it(consul: ConsulApi) -> None:
    one, two = await a_session(consul), await a_session(consul)
    assert await lock(consul, "t/.lock", b"", one)
    write: dict[str, Any] = {"Verb": "set", "Key": "t/effect", "Value": b"1"}
    checked: list[dict[str, Any]] = [{"Verb": "check-session", "Key": "t/.lock", "Session": one}, write]
    found = await consul.kv_txn(checked)
    assert found is not None
    entry = await consul.kv_get("t/effect")
    assert entry is not None and {each.key: each.modify_index for each in found}["t/effect"] == entry.modify_index
    assert await consul.kv_txn([{"Verb": "check-session", "Key": "t/.lock", "Session": two}, write]) is None
    for each in (one, two):
        await consul.session_destroy(each)
    assert await consul.kv_txn(checked) is None


async def test_a_session_hangs_on_its_check(consul: ConsulApi) -> None:
    await consul.register(beating())
    with pytest.raises(Unavailable):
        await a_session(consul, ServiceChecks=[{"ID": "shop-1:ttl"}])
    await consul.heartbeat("shop-1:ttl", "passing", "")
    session = await a_session(consul, ServiceChecks=[{"ID": "shop-1:ttl"}])
    await consul.heartbeat("shop-1:ttl", "critical", "")

    async def gone() -> bool:
        return not await consul.session_renew(session)

    await eventually("the session has ended", gone)


async def test_a_lock_whose_session_ended_is_free_only_after_its_delay(consul: ConsulApi) -> None:
    one, two = await a_session(consul, LockDelay="1s"), await a_session(consul)
    assert await lock(consul, "t/.lock", b"", one)
    await consul.session_destroy(one)
    assert not await lock(consul, "t/.lock", b"", two)
    await eventually("the delay is over", lambda: lock(consul, "t/.lock", b"", two), 5)
    await consul.session_destroy(two)
