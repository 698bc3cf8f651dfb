"""A mesh remembers whom it has joined, and stays with that."""

from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.local import bringing_up, ports, taking_down, tokens
from hoploom.local.attached import Attached
from hoploom.local.mesh import LocalMesh
from hoploom.local.places import Places
from hoploom.local.port_claims import Claims

JOINED = Attached(id="7", prefix="loom2", consul="http://127.0.0.1:1", fabio="http://f:9", fabio_admin="http://f:8")


def mesh(folder: Path, said: list[str] | None = None) -> LocalMesh:
    told = [] if said is None else said
    return LocalMesh(Places("demo", folder / "demo"), lambda label, text: told.append(f"{label} {text}"))


def test_addresses_are_those_of_whom_it_has_joined_and_ours_below_our_path(tmp_path: Path) -> None:
    one = mesh(tmp_path)
    one.record = {"ports": dict(ports.USUAL), "attached": JOINED.as_dict(), "up": True}
    assert (one.consul_url, one.nomad_url) == ("http://127.0.0.1:1", "http://127.0.0.1:4646")
    assert (one.fabio_url, one.fabio_admin_url) == ("http://f:9/loom2", "http://f:8")
    assert (one.is_up("consul"), one.is_up("nomad-server")) == (True, False)
    assert "keys loom2/..., services loom2-*, jobs loom2-*, routes /loom2/..." in one.attached.ours()


def test_tokens_that_were_given_are_kept_closed_to_others(tmp_path: Path) -> None:
    mesh(tmp_path).attach(Attached(**{**JOINED.as_dict(), "makes_tokens": False}), "given", "")
    again = mesh(tmp_path)
    found = tokens.ensure(again.places)
    assert {found[name] for name in ("management", "input", "fabio", "prometheus")} == {"given"}
    assert "given" not in (found["nomad"], found["worker"], found["operator"])
    assert {path.stat().st_mode & 0o777 for path in again.places.tokens.iterdir()} == {0o600}
    assert again.attached.engines == {"consul": "http://127.0.0.1:1", "fabio": "http://f:9"}


@pytest.mark.parametrize("other", [{"prefix": "hoploom"}, {"nomad": "http://n"}, {"id": "8"}])
def test_other_engines_than_before_need_another_mesh(tmp_path: Path, other: dict[str, str]) -> None:
    mesh(tmp_path).attach(Attached(**{**JOINED.as_dict(), **other}), "", "")
    one = mesh(tmp_path)
    # Refused before it entered anything, it may try elsewhere.
    one.attach(JOINED, "", "")
    one.record["up"] = False
    one.save()
    mesh(tmp_path).attach(JOINED, "", "")
    with pytest.raises(ConfigError, match="go on with those, name another by --mesh"):
        mesh(tmp_path).attach(Attached(**{**JOINED.as_dict(), **other}), "", "")


def test_a_mesh_of_its_own_engines_joins_nobody(tmp_path: Path) -> None:
    one = mesh(tmp_path)
    one.places.make()
    one.places.write({"v": 1, "ports": {}})
    with pytest.raises(ConfigError, match="was made with other engines"):
        mesh(tmp_path).attach(JOINED, "", "")


async def test_a_purge_that_cannot_reach_consul_keeps_the_state_for_another_try(tmp_path: Path) -> None:
    mesh(tmp_path).attach(JOINED, "t", "")
    said: list[str] = []
    one = mesh(tmp_path, said)
    tokens.ensure(one.places)
    with pytest.raises(Unavailable, match="run `hoploom down --purge` again when it answers"):
        await taking_down.down(one, purge=True)
    assert one.places.tokens.exists()
    await taking_down.down(one)
    assert said[0].startswith("stopped Consul at http://127.0.0.1:1 may still list services of ours")
    await one.close()


async def test_a_purge_stops_the_jobs_in_somebody_elses_nomad_though_our_consul_has_died(tmp_path: Path) -> None:
    one = mesh(tmp_path)
    one.attach(Attached(id="i", prefix="loom2", nomad="http://127.0.0.1:1"), "", "t")
    tokens.ensure(one.places)
    one.record |= {"up": True, "ports": dict(ports.USUAL)}
    with pytest.raises(Unavailable, match="could be removed from Nomad at"):
        await taking_down.down(one, purge=True)
    assert one.places.tokens.exists()
    await one.close()


def test_ports_that_others_have_are_named_and_so_is_the_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    one = mesh(tmp_path, said)
    monkeypatch.setattr(ports, "is_free", lambda port: port not in (8500, 9999))
    # Whatever else comes up on this machine meanwhile.
    monkeypatch.setattr(Claims, "take", lambda self, port: True)
    bringing_up.settle_ports(one, Claims())
    assert said == ["ports 8500 is taken: using 18500, 9999 is taken: using 19999 "
                    "(`hoploom up --attach` joins engines that run)"]  # fmt: skip
    one.record["attached"] = JOINED.as_dict()
    del one.record["ports"]
    bringing_up.settle_ports(one, Claims())
    assert len(said) == 1, "of those ports none is ours"
