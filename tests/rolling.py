"""A rolling restart as a person does it: `nomad job run` with another version, until only new instances are left."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from hoploom import engines
from hoploom.kit.deploy import deploy_root
from local_cli import Cli
from waiting import until


def roll(cli: Cli, service: str, variables: Mapping[str, str]) -> None:
    """Deploy a service again with these job variables, and wait until every old instance has gone."""
    before = {each["id"] for each in _instances(cli, service)}
    ports = json.loads((cli.root / "mesh.json").read_text(encoding="utf-8"))["ports"]
    own = {"data_dir": str(cli.root / "data")} if service in ("output", "ping") else {}
    given = {
        "command": sys.executable,
        "consul_addr": f"http://127.0.0.1:{ports['consul_http']}",
        "fabio_addr": cli.fabio,
        "token_dir": str(cli.root / "tokens"),
        **own,
        **variables,
    }
    binary = engines.ensure(["nomad"], report=lambda line: None)["nomad"].path
    environ = {
        **cli.environ,
        "NOMAD_ADDR": f"http://127.0.0.1:{ports['nomad_http']}",
        "NOMAD_TOKEN": cli.token("nomad"),
    }
    job = deploy_root() / "nomad" / f"{service}.nomad.hcl"
    flags = [f"-var={name}={value}" for name, value in given.items()]
    ran = subprocess.run(
        [str(binary), "job", "run", *flags, str(job)],
        env=environ, capture_output=True, text=True, timeout=180, check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    wanted = int(variables["count"])
    until(f"only new instances of {service}", lambda: _renewed(cli, service, before, wanted), 60)


def _renewed(cli: Cli, service: str, before: set[str], wanted: int) -> bool:
    now = _instances(cli, service)
    return len(now) == wanted and not {each["id"] for each in now} & before and all(each["routed"] for each in now)


def _instances(cli: Cli, service: str) -> list[dict[str, Any]]:
    return [each for each in cli.status()["instances"] if each["service"] == service]
