"""`python3 tests lab site-cut`: a host in each of two datacenters; the link is cut, a service goes and comes back.

Each datacenter answers on its own meanwhile, and the prepared query falls over to the other one and back.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from lab.hosts import Lab
from lab.site import ONE_IN_EACH, Site, prepare
from waiting import pause, until

PATHS = ("/", "/api/v1/campaigns", "/dumps")
CUT_S = 15.0
TOKEN = '-H "X-Consul-Token: $(cat /etc/hoploom/tokens/input)"'


class Found(NamedTuple):
    """What a prepared query found: the datacenter, how many instances, how many datacenters were asked before."""

    dc: str
    instances: int
    failovers: int


def found(lab: Lab, host: str) -> Found:
    """Who would serve as `input` for somebody on this host."""
    out = lab.ssh(host, f"curl -s {TOKEN} http://127.0.0.1:8500/v1/query/hoploom-input/execute").out
    answer = json.loads(out)
    return Found(answer["Datacenter"], len(answer["Nodes"]), answer["Failovers"])


def statuses(site: Site) -> dict[str, list[int]]:
    """What each host's Fabio answers for a path of every service."""
    seats, bearer = site.lab.seats.items(), site.bearer()
    return {name: [site.lab.call("GET", f"http://{seat.address}:9999{path}", headers=bearer)[0] for path in PATHS]
            for name, seat in seats}


def main(words: Sequence[str]) -> int:
    """Cut, join, take away, bring back; returns the exit code."""
    del words
    with Lab(ONE_IN_EACH) as lab:
        site = prepare(lab)
        played = site.play("site.yml")
        if played.rc:
            print(played.output)
            return 1
        good = {name: [200] * len(PATHS) for name in lab.seats}
        own = [Found("dc1", 1, 0), Found("dc2", 1, 0)]
        lab.cut("dc1", "dc2")
        pause(CUT_S)
        alone = (statuses(site) == good, [found(lab, name) for name in ("a1", "b1")] == own)
        lab.join("dc1", "dc2")
        print(f"cut off for {CUT_S:g} s: each answers {alone[0]}, finds its own {alone[1]}", flush=True)
        lab.ssh("b1", "systemctl stop nomad; pkill -f hoploom.input_service")
        until("dc1 serves dc2", lambda: found(lab, "b1").dc == "dc1", 60)
        lab.ssh("b1", "systemctl start nomad")
        until("dc2 serves itself again", lambda: found(lab, "b1") == own[1], 120)
        until("both answer for everything", lambda: statuses(site) == good, 60)
        print("dc2's input went and came back: dc1 was found for it, then itself again", flush=True)
        return 0 if all(alone) else 1
