"""Lines of overrides, held against what is registered."""

import pytest

from hoploom.kit.consul_records import Instance
from hoploom.routing import audit_overrides, shares
from hoploom.routing.audit import Observed, Override
from hoploom.routing.editions import marked
from unit.routing.meshes_made import check, fabio, mesh, shop

OLD = shop(1, tags=("urlprefix-/shop", "1.4.0"))
NEW = shop(2, tags=("urlprefix-/shop", "1.4.1"))


def with_lines(text: str, *instances: Instance, key: str = "fabio/config/mine", version: str = "1.7.2") -> Observed:
    router = fabio()
    routers = (type(router)(**{**vars(router), "version": version}),)
    return mesh(*(instances or (OLD, NEW)), routers=routers, overrides={"fabio/config": (Override(key, text),)})


def kinds(observed: Observed) -> list[str]:
    return [f"{each.kind} {each.severity} {each.subject}" for each in audit_overrides.find(observed)[0]]


MINE = "fabio/config/mine line"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a remark\n\nroute weight shop /shop weight 0.1 tags \"1.4.1\"", []),
        ("route add extra /extra http://10.9.9.9:80/", []),
        ("rout add extra /extra http://10.9.9.9:80/", ["bad-override error 1"]),
        ("# fine\nroute add extra /extra", ["bad-override error 2"]),
        ("route add extra /[a http://10.9.9.9:80/", ["bad-override error 1"]),
        ("route weight shop /shop weight x", ["bad-override error 1"]),
        ("route weight shop /shop weight 0.1 tags \"9.9\"", ["bad-override error 1"]),
        ("route weight shop /nowhere weight 0.1", ["bad-override error 1"]),
        ("route weight shop /shop weight 1.5 tags \"1.4.1\"", ["odd-override warning 1"]),
        ("route del nobody", ["shadowed-override warning 1"]),
        ("route weight shop /shop weight 0.1 tags \"1.4.1\"\nroute weight shop /shop weight 0.2 tags \"1.4.1\"",
         ["shadowed-override warning 1"]),
        ("route add extra /extra http://10.9.9.9:80/\nroute del extra", ["shadowed-override warning 1"]),
        ("route del shop", ["shadowed-override warning 1"]),
        ("route del shop tags \"1.4.1\"", ["shadowed-override warning 1"]),
    ],
    ids=["a share", "a route by hand", "a slip", "half a line", "a glob that does not compile", "no number",
         "a weight for nobody's tag", "a weight for nobody's route", "more than all", "takes nobody away",
         "undone by a later share", "undone by a later removal", "hides a service", "hides a version"],
)  # fmt: skip
def test_a_line_is_a_finding(text: str, expected: list[str]) -> None:
    wanted = [f"{each.rpartition(' ')[0]} {MINE} {each.rpartition(' ')[2]}" for each in expected]
    assert kinds(with_lines(text)) == wanted
    for each in audit_overrides.find(with_lines(text))[0]:
        assert each.subject in each.problem
        assert each.cure


def test_what_is_undone_by_a_removal_takes_two_lines_of_which_one_is_named() -> None:
    text = "route add extra /extra http://10.9.9.9:80/\nroute del extra"
    (found,) = audit_overrides.find(with_lines(text))[0]
    assert "a later line undoes it" in found.problem


def test_a_newer_fabio_passes_over_a_weight_for_nobody() -> None:
    text = "route weight shop /shop weight 0.1 tags \"9.9\""
    assert kinds(with_lines(text, version="1.7.3")) == [f"shadowed-override warning {MINE} 1"]
    assert kinds(with_lines(text, version="")) == [f"bad-override error {MINE} 1"]


@pytest.mark.parametrize("instances", [(OLD, NEW), (OLD,), (OLD, shop(2, check("critical"), tags=NEW.tags))],
                         ids=["both there", "before the canary comes", "the canary is ill"])  # fmt: skip
def test_our_own_guarded_share_is_no_finding(instances: tuple[Instance, ...]) -> None:
    lines = shares.share([OLD], ["/shop"], "1.4.1", 0.1, 1)
    assert kinds(with_lines(marked("\n".join(lines)), *instances, key="fabio/config/hoploom")) == []


def test_our_own_key_that_gives_nothing_is_no_finding() -> None:
    lines = shares.nothing([OLD, NEW], ["/shop"], "1.4.1")
    assert kinds(with_lines(marked("\n".join(lines)), key="fabio/config/hoploom")) == []


def test_what_our_own_key_hides_is_advice() -> None:
    found = kinds(with_lines("route del shop tags \"1.4.1\"", key="fabio/config/hoploom"))
    assert found == ["shadowed-override advice fabio/config/hoploom line 1"]


def test_without_consul_only_what_is_refused_in_any_case_is_said() -> None:
    lines = "route del nobody\nroute weight shop /shop weight x"
    observed = Observed((fabio(),), overrides={"fabio/config": (Override("fabio/config/mine", lines),)})
    assert kinds(observed) == [f"bad-override error {MINE} 2"]


def test_keys_are_read_in_their_order_and_lines_counted_in_each() -> None:
    keys = (Override("fabio/config/a", "# 1\nroute del shop"), Override("fabio/config/b", "\n\nroute del shop"))
    found = kinds(mesh(OLD, routers=(fabio(),), overrides={"fabio/config": keys}))
    assert "shadowed-override warning fabio/config/a line 2" in found
    assert "shadowed-override warning fabio/config/b line 3" in found


def test_lines_that_were_not_tried_are_said() -> None:
    most = audit_overrides._MOST_LINES
    lines = [f"route add shop{number} /s{number} http://10.1.1.1:80/" for number in range(most + 1)]
    assert kinds(with_lines("\n".join(lines[:most]))) == []
    [said] = audit_overrides.find(with_lines("\n".join(lines)))[0]
    assert (said.severity, "and not with the other 1" in said.problem) == ("advice", True)


def test_the_effect_on_tables_is_known_also_where_a_line_is_refused() -> None:
    text = "route add extra /extra http://10.9.9.9:80/\nroute del shop tags \"1.4.1\"\nnonsense"
    effect = audit_overrides.find(with_lines(text))[1]["fabio/config"]
    assert effect.added == frozenset({("extra", "/extra", "10.9.9.9:80")})
    assert effect.removed == frozenset({("shop", "/shop", "10.0.0.1:8002")})
