"""Flags about how targets are probed, and the `Probe` that they ask for."""

import argparse
from typing import Any

from hoploom.kit.errors import ConfigError
from hoploom.wire.probe import DEFAULTS, PING, TRACE, Probe

COUNT = 1
"""Echo requests a target, or packets a hop, where nobody says."""

_PING, _TRACE = DEFAULTS[PING], DEFAULTS[TRACE]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags about probes."""
    parser.add_argument("--count", type=int, help=f"echo requests a target, or packets a hop (default: {COUNT})")
    parser.add_argument(
        "--timeout-ms",
        type=int,
        help=f"wait for a reply (default: {_PING.timeout_ms}, of traceroutes {_TRACE.timeout_ms})",
    )
    parser.add_argument("--trace", action="store_true", help="traceroutes instead of pings")
    parser.add_argument("--protocol", choices=("icmp", "udp"), help="of traceroutes (default: icmp)")
    parser.add_argument("--max-ttl", type=int, metavar="N", help=f"of traceroutes (default: {_TRACE.max_ttl})")


def probe(args: argparse.Namespace) -> Probe:
    """How to probe, by the flags.

    Raises:
        ConfigError: A flag of traceroutes stands without `--trace`.
        BadRequest: A value is out of bounds.
    """
    of_traces = {"protocol": args.protocol, "max_ttl": args.max_ttl}
    given = {name: value for name, value in of_traces.items() if value is not None}
    if given and not args.trace:
        flag = next(iter(given)).replace("_", "-")
        raise ConfigError(f"--{flag} is about traceroutes: add --trace")
    wishes: dict[str, Any] = {"kind": TRACE if args.trace else PING, "count": args.count, **given}
    if args.timeout_ms is not None:
        wishes["timeout_ms"] = args.timeout_ms
    return Probe.from_json(wishes)
