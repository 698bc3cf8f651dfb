"""The flags of `hoploom deploy`, and what they wish for."""

import argparse
import itertools

from hoploom.deploying.gate import Policy
from hoploom.deploying.plan import CHECKSUM, STEPS, URL, Wish
from hoploom.deploying.versions import checked
from hoploom.kit.errors import ConfigError

_WHOLE = 100.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is deployed, how, and what it has to hold."""
    parser.add_argument("service", metavar="SERVICE", help="its name in Consul, such as input or one of your own")
    parser.add_argument("--version", default="", metavar="V", help="the new version: variable `version` of its job")
    parser.add_argument("--rollback", action="store_true", help="back to the version before, by the same way")
    parser.add_argument("--plan", action="store_true",
                        help="show what would be done and do nothing (exit 0 nothing to do, 1 something, 255 refused)")
    _way(parser.add_argument_group("way"))
    _job(parser.add_argument_group("job"))
    _gate(parser.add_argument_group("gate"))


def _way(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--canary", default="", metavar="N%", help="share of the first step (default: 10%%)")
    group.add_argument("--steps", default="", metavar="LIST", help="all shares, such as 5,25,50 (default: 10,50,100)")
    group.add_argument("--step-seconds", type=float, default=60.0, metavar="S", help="time of each step (default: 60)")
    group.add_argument("--blue-green", action="store_true", help="one step: all requests at once, when all are up")
    group.add_argument("--now", action="store_true", help="as --blue-green, and nobody watches: to get away from harm")
    group.add_argument("--order", default="", metavar="DCS", help="datacenters that come first, such as dc2,dc1")
    group.add_argument("--ready-seconds", type=float, default=0.0, metavar="S",
                       help="longest wait for new instances (default: the job's healthy_deadline and a minute)")


def _job(group: "argparse._ArgumentGroup") -> None:
    group.add_argument("--job", default="", metavar="ID", help="its job in Nomad, where the name does not find it")
    group.add_argument("--artifact-url", default="", metavar="URL",
                       help="its archive (default: the present one's address with the new version in it)")
    group.add_argument("--artifact-checksum", default="", metavar="SUM",
                       help="sha256:HEX of the archive (default: what URL.sha256 says)")
    group.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="another variable of its job")


def _gate(group: "argparse._ArgumentGroup") -> None:
    policy = Policy()
    group.add_argument("--errors", type=float, default=policy.errors_most * _WHOLE, metavar="PERCENT",
                       help=f"most failed requests in a hundred (default: {policy.errors_most * _WHOLE:g})")
    group.add_argument("--p99-factor", type=float, default=policy.p99_factor, metavar="X",
                       help=f"most of the old version's p99 (default: {policy.p99_factor:g} times)")
    group.add_argument("--p99-slack-ms", type=float, default=policy.p99_slack_ms, metavar="MS",
                       help=f"and so many milliseconds more (default: {policy.p99_slack_ms:g})")
    group.add_argument("--requests", type=int, default=policy.requests_least, metavar="N",
                       help=f"fewest requests to judge by (default: {policy.requests_least})")


def wish(args: argparse.Namespace) -> Wish:
    """What the flags wish for; raises ConfigError for what cannot be meant."""
    if bool(args.version) == bool(args.rollback):
        raise ConfigError("say either --version V, or --rollback for the version before")
    if sum(map(bool, (args.canary or args.steps, args.blue_green, args.now))) > 1:
        raise ConfigError("--canary (or --steps), --blue-green and --now exclude each other")
    return Wish(
        version=checked(args.version) if args.version else "",
        shares=_shares(args.canary, args.steps),
        is_canary=bool(args.canary or args.steps),
        blue_green=args.blue_green,
        at_once=args.now,
        seconds=_positive(args.step_seconds, "--step-seconds"),
        ready_s=_positive(args.ready_seconds, "--ready-seconds"),
        values=_values(args),
        datacenters=tuple(each.strip() for each in args.order.split(",") if each.strip()),
    )


def policy(args: argparse.Namespace) -> Policy:
    """What the new version has to hold."""
    if not 0 <= args.errors < _WHOLE:
        raise ConfigError(f"--errors is a percentage such as 0.5, not {args.errors:g}")
    if not (args.p99_factor >= 1 and args.p99_slack_ms >= 0 and args.requests >= 1):
        raise ConfigError("--p99-factor is 1 at least, --p99-slack-ms is 0 and --requests is 1")
    return Policy(args.errors / _WHOLE, args.p99_factor, args.p99_slack_ms, args.requests)


def _shares(canary: str, listed: str) -> tuple[float, ...]:
    """Shares from 0 (excluded) to 1, growing; the last is 1."""
    if canary and listed:
        raise ConfigError("--canary is the first of --steps: say one of them")
    if listed:
        found = tuple(_percent(each, "--steps") for each in listed.split(","))
        if any(late <= early for early, late in itertools.pairwise(found)):
            raise ConfigError(f"--steps grow, such as 5,25,50,100, not {listed}")
        return found if found[-1] == 1 else (*found, 1.0)
    if not canary:
        return STEPS
    first = _percent(canary, "--canary")
    if first == 1:
        raise ConfigError("--canary is less than 100%; all at once is --blue-green")
    return (first, *(each for each in STEPS if each > first))


def _percent(text: str, flag: str) -> float:
    bare = text.strip().removesuffix("%").strip()
    try:
        share = float(bare)
    except ValueError:
        share = 0.0
    if not 0 < share <= _WHOLE:
        raise ConfigError(f"{flag} takes percentages above 0 and up to 100, such as 10%, not {text!r}")
    return round(share / _WHOLE, 6)


def _positive(value: float, flag: str) -> float:
    if not 0 <= value < float("inf"):
        raise ConfigError(f"{flag} is a number of seconds, not {value:g}")
    return value


def _values(args: argparse.Namespace) -> dict[str, str]:
    found = {}
    for each in args.var:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise ConfigError(f"--var takes NAME=VALUE, not {each!r}")
        found[name] = value
    given = {URL: args.artifact_url, CHECKSUM: args.artifact_checksum}
    return {**found, **{name: value for name, value in given.items() if value}}
