"""`python3 tests lab NAME ...`: long runs of the lab that no test waits for."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from lab import (
    ads_run,
    clickhouse,
    datacenters,
    day_two,
    deploys,
    fleet_trial,
    gateway_trials,
    kills,
    monitoring_trial,
    outages,
    pictures,
    release_trials,
    result_trials,
    rotation_trials,
    security_trial,
    simulate,
    site,
    site_cut,
    spool_trials,
    worker_trial,
)
from lab.hosts import command as hosts

COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "ads": ads_run.main,
    "clickhouse": clickhouse.main,
    "datacenters": datacenters.main,
    "day-two": day_two.main,
    "deploys": deploys.main,
    "fleet": fleet_trial.main,
    "gateway": gateway_trials.main,
    "hosts": hosts.main,
    "kills": kills.main,
    "monitoring": monitoring_trial.main,
    "outages": outages.main,
    "pictures": pictures.main,
    "release": release_trials.main,
    "results": result_trials.main,
    "rotation": rotation_trials.main,
    "security": security_trial.main,
    "simulate": simulate.main,
    "site": site.main,
    "site-cut": site_cut.main,
    "spool": spool_trials.main,
    "worker": worker_trial.main,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(f"usage: python3 tests lab {{{','.join(COMMANDS)}}} [-h]", file=sys.stderr)
        sys.exit(2)
    # Where this is set, each service that starts compiles all of itself.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Ended from outside, it leaves nothing that it has started behind, as at its own end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
