"""What a job file of somebody's own is told."""

from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.local.mesh import LocalMesh
from hoploom.local.own_jobs import known, values
from hoploom.local.places import Places

FILE = 'variable "command" {\n}\nvariable "version" {\n}\n# variable "user" is none\n'


def test_a_file_is_told_what_it_asks_for_and_what_a_person_says_holds() -> None:
    found = values(FILE, {"version": "1.4.1", "command": "/mine"}, {"command": "/python", "driver": "raw_exec"})
    assert found == {"version": "1.4.1", "command": "/mine"}
    assert values(FILE, {}, {"command": "/python", "user": ""}) == {"command": "/python"}


def test_a_variable_that_the_file_does_not_have_is_said() -> None:
    with pytest.raises(ConfigError, match=r"no variable 'verison' \(it has command, version\)"):
        values(FILE, {"verison": "1"}, {})


async def test_what_is_known_is_of_this_machine(tmp_path: Path) -> None:
    mesh = LocalMesh(Places("demo", tmp_path), lambda *_: None)
    mesh.record["ports"] = {"consul_http": 8500, "fabio_proxy": 9999}
    (tmp_path / "service.py").touch()
    found = known(mesh, tmp_path / "orders.nomad.hcl")
    assert found["service_file"] == str(tmp_path / "service.py")
    assert (found["driver"], found["user"], found["datacenters"]) == ("raw_exec", "", '["dc1"]')
    assert "service_file" not in known(mesh, Path("/nowhere/orders.nomad.hcl"))
    await mesh.close()
