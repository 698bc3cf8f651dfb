"""`python3 tests lab hosts up NAME:DC[:GROUP,GROUP][:46] ...`: a lab of hosts for a person, until Ctrl-C."""

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence

from lab.hosts import needs
from lab.hosts.addresses import EDGE, Host, seats
from lab.hosts.lab import ANSIBLE, Lab, ansible


def main(words: Sequence[str]) -> int:
    """Boot the hosts, say how to reach them, and wait; returns the exit code."""
    parser = argparse.ArgumentParser(prog="lab hosts", description="A lab of real hosts, until Ctrl-C.")
    parser.add_argument("action", choices=["up"], help="boot hosts and keep them")
    parser.add_argument("hosts", nargs="+", metavar="NAME:DC[:GROUP,GROUP][:46]", help=f"DC: dc1 to dc9 or {EDGE}")
    asked = parser.parse_args(words)
    try:
        hosts = [host(text) for text in asked.hosts]
        seats(hosts)
    except ValueError as error:
        print(f"hoploom: {error}", file=sys.stderr)
        return 2
    lacking = needs.unmet()
    if lacking is not None:
        print(f"hoploom: {lacking}", file=sys.stderr)
        return 2
    signals = (signal.SIGINT, signal.SIGTERM)
    with Lab(hosts) as lab:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        print(_told(lab), flush=True)
        signal.sigwait(signals)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    return 0


def host(text: str) -> Host:
    """The host that NAME[:DC[:GROUP,GROUP[:46]]] means.

    Raises:
        ValueError: it has more parts.
    """
    parts = text.split(":")
    if len(parts) > 4:
        raise ValueError(f"a host is written NAME:DC[:GROUP,GROUP][:46], not {text!r}")
    name, dc, groups, addresses = (*parts, *("",) * (4 - len(parts)))
    return Host(name, dc or "dc1", tuple(filter(None, groups.split(","))), addresses or "46")


def _told(lab: Lab) -> str:
    enter = shlex.join(lab.keeper.enter)
    environ = shlex.join(f"{name}={value}" for name, value in lab.ansible_environ.items())
    play = f"{enter} env --chdir={ANSIBLE} {environ} {ansible('ansible-playbook')} -i {lab.inventory} site.yml"
    lines = [f"mirror: {lab.mirror} (its folder: {lab.mirror_folder})", f"inventory: {lab.inventory}", ""]
    for name, seat in lab.seats.items():
        addresses = " ".join(filter(None, (seat.v4, seat.v6)))
        lines.append(f"# {name}, {seat.network.name}, {addresses}")
        lines.append(f"{enter} ssh -F {lab.access.config} {name}")
    return "\n".join([*lines, "", "# any command in the lab, such as curl http://ADDRESS:8500/", f"{enter} COMMAND", "",
                      "# a playbook", play, "", "Ctrl-C ends the lab."])
