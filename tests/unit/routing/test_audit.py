"""The whole of an audit, and what lasts of it."""

from dataclasses import replace

from hoploom.kit.consul_records import Instance
from hoploom.routing.audit import Observed, Override, SeenRouter, Severity, audit, lasting, passing_by
from unit.routing.meshes_made import GOOD, check, fabio, line, mesh, shop


def test_a_mesh_as_it_should_be_has_no_finding() -> None:
    assert audit(mesh(shop(), routers=(fabio(line()), fabio(line(), name="f2")))) == []


def test_nothing_observed_finds_nothing() -> None:
    assert audit(Observed()) == []


def test_the_worst_comes_first_and_nothing_twice() -> None:
    bad = replace(GOOD, access="rw", gogc=100)
    found = audit(mesh(shop(tags=("urlprefix-/shop colour=red",)), shop(2), routers=(fabio(settings=bad),)))
    ranks = [list(Severity).index(each.severity) for each in found]
    assert ranks == sorted(ranks)
    assert [each.kind for each in found] == [
        "missing", "missing", "unknown-option", "writable-pages", "garbage-collection"
    ]  # fmt: skip


def looks(*instances: Instance, table: bool = False) -> Observed:
    return mesh(*instances, routers=(fabio(*[line()] * table),))


def test_what_two_looks_show_lasts() -> None:
    (found,) = lasting(looks(shop(index=3)), looks(shop(index=3)))
    assert found.kind == "missing"


def test_what_only_the_first_look_shows_was_on_its_way() -> None:
    assert lasting(looks(shop(index=3)), looks(shop(index=3), table=True)) == []


def test_what_only_the_second_look_shows_may_be_on_its_way() -> None:
    assert lasting(looks(), looks(shop(index=3))) == []


def test_an_instance_that_changed_in_between_is_no_finding() -> None:
    assert lasting(looks(shop(index=3)), looks(shop(index=4))) == []
    ill = check("critical")
    assert lasting(looks(shop(1, ill, index=3), table=True), looks(shop(1, ill, index=4), table=True)) == []


def test_two_differences_one_after_the_other_are_none_that_lasts() -> None:
    one = Observed((fabio(line(1)), fabio(name="f2")))
    other = Observed((fabio(line(2)), fabio(name="f2")))
    assert lasting(one, other) == []
    assert [each.kind for each in lasting(one, one)] == ["routers-differ"]


def test_settings_and_tags_need_no_second_look() -> None:
    writable = fabio(line(), settings=replace(GOOD, access="rw"))
    bad = mesh(shop(tags=("urlprefix-/shop colour=red",)), routers=(writable,))
    assert not passing_by(audit(bad))
    assert len(lasting(Observed(), bad)) == 2
    assert passing_by(audit(Observed((SeenRouter("f1", away="no answer"),))))


def test_while_a_line_freezes_every_table_nobody_is_told_to_restart_a_fabio() -> None:
    frozen = {"fabio/config": (Override("fabio/config/mine", "nonsense"),)}
    found = audit(mesh(shop(), routers=(fabio(),), overrides=frozen))
    assert [each.kind for each in found] == ["missing", "bad-override"]
    assert "do not restart" in found[0].cure
    assert "fabio/config/mine line 1" in found[0].cure
    tag = audit(mesh(shop(tags=("urlprefix-/shop", "urlprefix-/a weight=x")), routers=(fabio(),)))
    assert "do not restart" in tag[0].cure
    assert "restart" in audit(mesh(shop(), routers=(fabio(),)))[0].cure
    assert "do not" not in audit(mesh(shop(), routers=(fabio(),)))[0].cure
