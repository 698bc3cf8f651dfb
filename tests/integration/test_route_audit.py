"""`hoploom route audit` on somebody else's mesh: Fabio's own demo server, a Consul and Fabios as they come.

Each fault is made on purpose, seen, and gone when it is cured; and Consul holds afterwards what it held before.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import demo_server_program
from engine_processes import LOOPBACK, Child, ConsulAgent, ask, free_ports
from foreign_mesh import KEYS, TOKEN, Foreign, ForeignFabio
from held_relay import HeldRelay
from hoploom.cli.main import main
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.http_client import HttpClient
from hoploom.routing.audit import AuditFinding, audit, lasting
from hoploom.routing.observing import Observer
from hoploom.routing.observing_fabio import Source
from lab.namespace import in_namespace, needs_root
from unit.routing.test_audit_tags import WORKING
from waiting import eventually, until

AS_IT_COMES = {"checks-required-one", "writable-pages", "dial-timeout", "readable-token", "glob-matching",
               "garbage-collection", "recommended-setting"}  # fmt: skip
"""What a Fabio with its own defaults has, its pages on loopback, and one Consul server, which it may ask alone."""


@pytest.fixture(scope="module")
def foreign(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    folder = tmp_path_factory.mktemp("foreign")
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    relay = HeldRelay(int(consul.url.rpartition(":")[2]))
    by_relay = f"http://{LOOPBACK}:{relay.port}"
    fabios = [ForeignFabio(engine_paths["fabio"], folder, "one", consul.url),
              ForeignFabio(engine_paths["fabio"], folder, "two", by_relay)]  # fmt: skip
    mesh = Foreign(consul, relay, fabios, demo_server_program.program(), folder)
    try:
        relay.__enter__()
        consul.start()
        mesh.serve("svc-a", "/foo", "/bar strip=/bar")
        mesh.serve("svc-a", "/foo", "/bar strip=/bar")
        for each in fabios:
            each.start()
        for each in fabios:
            until("both servers in the table", lambda each=each: len(_targets(each)) == 2, 20)  # type: ignore[misc]
        yield mesh
    finally:
        for child in (*mesh.children, *(each.child for each in fabios)):
            child.stop()
        relay.__exit__(None, None, None)
        consul.stop()


def _targets(fabio: ForeignFabio) -> set[str]:
    return {each["dst"] for each in ask("GET", f"{fabio.pages}/api/routes") or [] if each["service"] == "svc-a"}


class Auditor:
    """Audits as the command does, one look right behind the other."""

    def __init__(self, mesh: Foreign, http: HttpClient, consul: ConsulApi) -> None:
        self._observer = Observer(http, consul, [Source(f"f{at}", each.pages) for at, each in enumerate(mesh.fabios)])

    async def kinds(self) -> set[str]:
        """Of all findings that last, but for what a Fabio as it comes has."""
        found = await self.findings()
        return {f"{each.kind} {each.severity}" for each in found if each.kind not in AS_IT_COMES or
                (each.kind == "checks-required-one" and each.severity == "error")}  # fmt: skip

    async def findings(self) -> list[AuditFinding]:
        first = await self._observer.look()
        assert audit(first) is not None
        return lasting(first, await self._observer.look())


@pytest.fixture
async def auditor(foreign: Foreign) -> Any:
    http, consul = HttpClient(), ConsulApi(foreign.consul.url)
    yield Auditor(foreign, http, consul)
    await http.close()
    await consul.close()


async def seen_and_cured(
    auditor: Auditor, expected: set[str], fault: Callable[[], object], cure: Callable[[], object]
) -> None:
    """The findings come with the fault, and go with its cure."""
    async def is_found() -> bool:
        return expected <= await auditor.kinds()

    async def is_gone() -> bool:
        return not await auditor.kinds()

    await eventually("a mesh without a finding", is_gone, 10)
    fault()
    try:
        await eventually(f"{expected}", is_found, 5)
    finally:
        cure()
    await eventually("no finding any more", is_gone, 5)


async def test_a_mesh_as_it_comes_has_its_settings_found_and_nothing_else(auditor: Auditor) -> None:
    found = await auditor.findings()
    assert {each.kind for each in found} == AS_IT_COMES
    assert TOKEN not in repr(found)


async def test_tags_are_found_and_gone_with_them(foreign: Foreign, auditor: Auditor) -> None:
    expected = {"unknown-option error", "malformed-tag error", "malformed-tag warning"}
    tags = ("urlprefix-/x stripp=/x", "urlprefix-x.example.com", "urlprefix-/y allow=ip:10.0.0.0/8 deny=ip:10.1.1.1/32")
    await seen_and_cured(auditor, expected, lambda: foreign.register("odd", *tags), lambda: foreign.remove("odd"))


async def test_tags_of_the_field_are_routed_as_the_audit_expects(foreign: Foreign, auditor: Auditor) -> None:
    foreign.register("field", *WORKING)
    try:
        until("its routes", lambda: len(foreign.fabios[0].sources("field")) > len(WORKING) / 2, 10)

        async def is_well() -> bool:
            return not await auditor.kinds()

        await eventually("no finding", is_well, 5)
    finally:
        foreign.remove("field")


async def test_an_instance_without_a_check_is_found(foreign: Foreign, auditor: Auditor) -> None:
    await seen_and_cured(
        auditor, {"missing warning"}, lambda: foreign.register("bare", "urlprefix-/bare", checks=()),
        lambda: foreign.remove("bare"),
    )  # fmt: skip


async def test_an_instance_that_is_routed_while_a_check_fails_is_evidence(foreign: Foreign, auditor: Auditor) -> None:
    await seen_and_cured(
        auditor, {"checks-required-one error"},
        lambda: foreign.register("half", "urlprefix-/half", checks=("passing", "critical")),
        lambda: foreign.remove("half"),
    )  # fmt: skip


async def test_a_line_that_fabio_refuses_freezes_what_comes_and_goes(foreign: Foreign, auditor: Auditor) -> None:
    _, gone = foreign.serve("svc-b", "/gone")
    until("its route", lambda: all(each.sources("svc-b") for each in foreign.fabios), 10)

    def fault() -> None:
        foreign.override("oops", "rout add x /x http://127.0.0.1:1/")
        # It changes nothing that is there; what comes and goes from now on does not get through.
        foreign.remove(gone)
        foreign.register("late", "urlprefix-/late")

    def cure() -> None:
        foreign.forget("oops")
        foreign.remove("late")

    await seen_and_cured(auditor, {"bad-override error", "missing error", "stale error"}, fault, cure)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("route del nobody", {"shadowed-override warning"}),
        ("route add e /e http://127.0.0.1:1/\nroute del e", {"shadowed-override warning"}),
        ("route del svc-a /bar", {"shadowed-override warning"}),
        ("route weight svc-a /foo weight 0.1 tags \"canary\"", {"bad-override error"}),
    ],
    ids=["takes nobody away", "undone", "hides a route", "a weight for nobody"],
)
async def test_overrides_are_found_and_gone_with_them(
    foreign: Foreign, auditor: Auditor, text: str, expected: set[str]
) -> None:
    await seen_and_cured(
        auditor, expected, lambda: foreign.override("mine", text), lambda: foreign.forget("mine")
    )  # fmt: skip


async def test_a_router_that_hears_consul_no_more_is_missing_stale_and_different(
    foreign: Foreign, auditor: Auditor
) -> None:
    gone = foreign.serve("svc-b", "/gone")[1]
    until("its route", lambda: all(each.sources("svc-b") for each in foreign.fabios), 10)

    def fault() -> None:
        foreign.relay.hold()
        foreign.remove(gone)
        foreign.register("late", "urlprefix-/late")

    def cure() -> None:
        foreign.relay.release()
        foreign.remove("late")

    await seen_and_cured(auditor, {"missing error", "stale error", "routers-differ error"}, fault, cure)


async def test_a_router_that_is_gone_is_away(foreign: Foreign, auditor: Auditor) -> None:
    one = foreign.fabios[1]

    def cure() -> None:
        one.start()
        until("its table", lambda: len(ask("GET", f"{one.pages}/api/routes") or []) == 4, 20)

    await seen_and_cured(auditor, {"router-away error"}, lambda: one.child.stop(kill=True), cure)


def test_the_command_finds_it_in_seconds_and_changes_nothing(
    foreign: Foreign, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = _steady(foreign.dump())
    foreign.register("odd", "urlprefix-/x stripp=/x")
    foreign.override("mine", "route del nobody")
    try:
        until("its route", lambda: foreign.fabios[0].sources("odd"), 10)
        before = foreign.dump()
        written = _steady(before)
        assert {name for name in clean if clean[name] != written[name]} >= {KEYS, "catalog/services", "agent/checks"}
        words = ["route", "audit", "--consul", foreign.consul.url, "--settle", "0.5"]
        assert main([*words, "--fabio-admin", foreign.fabios[0].pages, "--fabio", foreign.fabios[1].pages]) == 1
        said = capsys.readouterr().out
        assert main([*words, "--fabio", foreign.fabios[0].url, "--json"]) == 1
        document = json.loads(capsys.readouterr().out)
        assert _steady(foreign.dump()) == _steady(before)
    finally:
        foreign.remove("odd")
        foreign.forget("mine")
    for kind in ("unknown-option", "shadowed-override", *AS_IT_COMES):
        assert kind in said
    assert TOKEN not in said
    assert {each["kind"] for each in document["findings"]} == {"unknown-option", "shadowed-override"}
    assert any("--fabio-admin" in each for each in document["not_looked_at"])


def _steady(dump: Any) -> Any:
    """What only a write changes; keys with their indexes. A demo server's own check says something else each second."""
    checked = {name: json.loads(json.dumps(each), object_hook=_of_check) for name, each in dump.items() if name != KEYS}
    # Consul gives tags in any order.
    tags = {name: sorted(each) for name, each in checked["catalog/services"].items()}
    return {**checked, "catalog/services": tags, KEYS: dump[KEYS]}


def _of_check(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("Output", "ModifyIndex")}


def test_only_fabio_and_only_what_is_not_there(foreign: Foreign, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["route", "audit", "--fabio-admin", foreign.fabios[0].pages]) == 1
    assert "no table is held against it" in capsys.readouterr().out
    assert main(["route", "audit", "--consul", "http://127.0.0.1:1"]) == 2
    assert main(["route", "audit", "--fabio", foreign.fabios[0].url]) == 2
    assert "--fabio-admin" in capsys.readouterr().err


@needs_root
def test_pages_at_an_address_that_is_no_loopback_are_open(engine_paths: dict[str, Path], tmp_path: Path) -> None:
    """In a network namespace of the test's own, with an address that nothing outside reaches."""
    async def body() -> list[AuditFinding]:
        (pages,) = free_ports(1)
        words = ["-registry.backend", "static", "-proxy.addr", f"{LOOPBACK}:0", "-ui.addr", f":{pages}", "-insecure"]
        fabio = Child([str(engine_paths["fabio"]), *words], tmp_path / "log")
        fabio.start()
        http = HttpClient()
        try:
            url = f"http://10.77.77.1:{pages}"
            observer = Observer(http, None, [Source("f1", url)])

            async def answered() -> bool:
                return not (await observer.look()).routers[0].away

            await eventually("its pages", answered, 10)
            return audit(await observer.look())
        finally:
            await http.close()
            fabio.stop()

    found = in_namespace(body, "ip address add 10.77.77.1/24 dev lo")
    (opened,) = [each for each in found if each.kind == "open-admin-port"]
    assert opened.severity == "error"
    assert "10.77.77.1" in opened.problem


