"""Jobs as a person runs them: `nomad job run`, and for a rolling restart until only new instances are left."""

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
    own = {"data_dir": str(cli.root / "data")} if service in ("output", "ping") else {}
    # As `hoploom up` has them.
    own |= {"open_reading": "true"} if service != "ping" else {}
    own |= {"development": "true"} if service == "manager" else {}
    submit(cli, service, {**own, **variables})
    wanted = int(variables["count"])
    until(f"only new instances of {service}", lambda: _renewed(cli, service, before, wanted), 60)


def submit(cli: Cli, name: str, variables: Mapping[str, str]) -> None:
    """Submit a job file with these variables and those of the mesh."""
    given = {
        "driver": "raw_exec",
        "user": "",
        "command": sys.executable,
        "consul_addr": f"http://127.0.0.1:{cli.port('consul_http')}",
        "fabio_addr": cli.fabio,
        "token_dir": str(cli.root / "tokens"),
        **variables,
    }
    flags = [f"-var={variable}={value}" for variable, value in given.items()]
    nomad(cli, "job", "run", *flags, str(deploy_root() / "nomad" / f"{name}.nomad.hcl"))


def nomad(cli: Cli, *words: str) -> str:
    """What Nomad's own command prints, run as the mesh's owner; it has to succeed."""
    binary = engines.ensure(["nomad"], report=lambda line: None)["nomad"].path
    own = {"NOMAD_ADDR": f"http://127.0.0.1:{cli.port('nomad_http')}", "NOMAD_TOKEN": cli.token("nomad")}
    ran = subprocess.run(
        [str(binary), *words], env={**cli.environ, **own}, capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _renewed(cli: Cli, service: str, before: set[str], wanted: int) -> bool:
    now = _instances(cli, service)
    return len(now) == wanted and not {each["id"] for each in now} & before and all(each["routed"] for each in now)


def _instances(cli: Cli, service: str) -> list[dict[str, Any]]:
    return [each for each in cli.status()["instances"] if each["service"] == service]
