"""The fleet as rows: who is in it, what is known of each, and what is chosen of it."""

import pytest

from hoploom.kit.fabio_api import RouteEntry
from hoploom.manager.pages import fleet_rows
from hoploom.manager.pages.fleet_rows import Row, Wish
from hoploom.manager.registry import Seen
from hoploom.manager.seeing.seen import InstanceSeen, Part, SeenMesh
from hoploom.manager.seeing.tables import Table
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import WORKER, Ad

OUTPUT = InstanceSeen("output-1", "output", "127.0.0.1:9", "deb01", "dc1", "0.1.0", "", "passing", "ready",
                      target="127.0.0.1:9", routes=2)  # fmt: skip
PI = InstanceSeen("ping-pi", "ping", "elsewhere", "edge-pi", "dc1", "0.1.0", "pi", "passing", "well")


def heard(name: str = "pi", status: str = "passing", **body: object) -> Seen:
    said = WorkerBody(**body)  # type: ignore[arg-type]
    ad = Ad(kind=WORKER, id=name, instance="a" * 32, boot=1, generation=1, body=said)
    return Seen(id=name, ad=ad, body=said, remaining_s=9.0, heard_s=3.0, clash=False, status=status)


def seen(*instances: InstanceSeen, workers: tuple[Seen, ...] = (), tables: tuple[Table, ...] = ()) -> SeenMesh:
    return SeenMesh(instances=Part(instances), workers=workers, tables=Part(tables),
                    leaders=Part(({"role": "manager", "instance": "output-1"},)))  # fmt: skip


def test_a_worker_that_consul_and_ads_speak_of_is_one_row() -> None:
    [row] = fleet_rows.rows(seen(PI, workers=(heard(place="Turku, FI", sent_pps=7, spool_bytes=9),)))
    assert (row.name, row.place, row.sent_pps, row.spool_bytes, row.heard_s) == ("pi", "Turku, FI", 7, 9, 3.0)


def test_what_no_ad_says_is_not_known_and_not_zero() -> None:
    [row] = fleet_rows.rows(seen(OUTPUT))
    assert (row.sent_pps, row.spool_bytes, row.heard_s) == (None, None, None)
    assert (row.place, row.where) == ("deb01", "127.0.0.1:9")


@pytest.mark.parametrize("status", ["silent", "left"])
def test_who_is_not_heard_is_that_whatever_consul_still_says(status: str) -> None:
    assert fleet_rows.rows(seen(PI, workers=(heard(status=status),)))[0].state == status


def test_who_is_heard_and_in_no_consul_here_is_a_row_that_is_not_registered() -> None:
    mesh = seen(workers=(heard("far"),))
    [row] = fleet_rows.rows(mesh)
    conditions = [(each.name, each.holds) for each in fleet_rows.conditions(mesh, row)]
    assert (row.name, conditions) == ("far", [("Registered", False)])


ROUTE = RouteEntry("output", "/dump", "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("tables", "holds", "why"),
    [
        ((), None, "no router's table is known"),
        ((Table("f1", (ROUTE,)), Table("f2", (ROUTE,))), True, "listed by 2 of 2 routers"),
        ((Table("f1", (ROUTE,)), Table("f2")), False, "listed by 1 of 2 routers"),
        ((Table("f1", (ROUTE,)), Table("f2", away="no answer")), True, "listed by 1 of 1 routers"),
    ],
    ids=["nobody knows", "everywhere", "one lacks it", "one does not answer"],
)
def test_an_instance_is_routed_where_every_router_that_answers_lists_it(
    tables: tuple[Table, ...], holds: bool | None, why: str
) -> None:
    mesh = seen(OUTPUT, tables=tables)
    [row] = fleet_rows.rows(mesh)
    conditions = {each.name: each for each in fleet_rows.conditions(mesh, row)}
    assert (conditions["Routed"].holds, conditions["Routed"].why) == (holds, why)
    assert (conditions["Leading"].holds, conditions["Leading"].why) == (True, "manager")
    assert conditions["Draining"].holds is False


ROWS = [
    Row(name="b", service="ping", state="passing", place="Turku", dc="dc1", spool_bytes=5),
    Row(name="a", service="output", state="critical", dc="dc2", version="1.0"),
    Row(name="c", service="ping", state="silent", worker="Ägir", dc="dc1"),
]


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        (Wish(), "acb"),
        (Wish(sort="name"), "abc"),
        (Wish(sort="spool"), "bac"),
        (Wish(service="ping"), "cb"),
        (Wish(state="silent"), "c"),
        (Wish(dc="dc2"), "a"),
        (Wish(text="TURKU"), "b"),
        (Wish(text="ägir"), "c"),
        (Wish(text="nobody"), ""),
    ],
    ids=["worst first", "by name", "fullest spool first", "service", "state", "datacenter", "place", "worker", "none"],
)
def test_rows_are_chosen_and_sorted(wish: Wish, names: str) -> None:
    assert "".join(row.name for row in fleet_rows.chosen(ROWS, wish)) == names


def test_every_way_to_sort_takes_rows_of_which_little_is_known() -> None:
    for sort in fleet_rows.SORTS:
        assert len(fleet_rows.chosen(ROWS, Wish(sort=sort))) == len(ROWS)
