"""Cold start: `hoploom up` with engines cached, an empty state folder, until everything is routed and mapped."""

import tempfile
import time
from pathlib import Path

from hoploom import engines
from hoploom.cli.bench import Figure, at_most
from local_cli import Cli

BOUND_S = 30.0


def measure() -> list[Figure]:
    """One cold start and one stop, beside a start of the three engines' binaries alone."""
    engines.ensure(engines.NAMES, report=lambda line: None)
    with tempfile.TemporaryDirectory() as folder:
        cli = Cli(Path(folder), "bench")
        try:
            printed, up_s = _timed(cli, "up", "--detach", "127.1.0.0/20")
            routed_s = float(next(line for line in printed.splitlines() if "listed by Fabio after" in line).split()[-2])
            _, down_s = _timed(cli, "down")
            _, again_s = _timed(cli, "up", "--detach", "--no-map")
        finally:
            cli.run("down", "--purge")
        kit = Cli(Path(folder), "kit")
        try:
            _, kit_s = _timed(kit, "up", "--only", "kit", "--detach")
        finally:
            kit.run("down", "--purge")
    anchor = ("Consul and Fabio alone (up --only kit)", kit_s)
    return [
        at_most("cold start to all passing and routed", routed_s, "s", BOUND_S, anchor),
        at_most("cold start, 4,096 targets mapped", up_s, "s", BOUND_S + 10, anchor),
        at_most("graceful down", down_s, "s", BOUND_S, anchor),
        at_most("second start on the same state", again_s, "s", BOUND_S, anchor),
    ]


def _timed(cli: Cli, *words: str) -> tuple[str, float]:
    began = time.monotonic()
    return cli.good(*words), time.monotonic() - began
