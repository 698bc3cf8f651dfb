"""`hoploom route audit`: what is wrong with the routes of a mesh, ours or anybody's; it reads and changes nothing."""

import argparse
import asyncio
import json
import re
from collections import Counter
from dataclasses import asdict
from typing import Any

from hoploom.cli import screen
from hoploom.cli.routes import places
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.kit.tags import PREFIX
from hoploom.routing.audit import AuditFinding, Observed, Severity
from hoploom.routing.observing import Known, Observer, looked_twice

NAME = "audit"
HELP = "what is wrong with the routes of any Consul and Fabio; read-only (exit 0 nothing but advice, 1 findings)"
_PASSWORD = re.compile(r"(?<=://)[^/@\s\"]*@")
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.ADVICE: "cyan"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    places.add_arguments(parser)
    parser.add_argument("--prefix", default=PREFIX, help=f"of tags that are routes, where a Fabio does not say "
                        f"(default: {PREFIX})")  # fmt: skip
    parser.add_argument("--settle", type=float, default=3.0, metavar="S", help="seconds until a second look, for "
                        "what may be a change on its way (default: 3; 0 looks once)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the list")


def run(args: argparse.Namespace) -> int:
    """Audit and tell."""
    if not 0 <= args.settle <= 60:  # noqa: PLR2004 (a minute: whoever waits longer looks again)
        raise ConfigError(f"--settle is from 0 to 60 seconds, not {args.settle:g}")
    observed, findings = asyncio.run(_audit(args))
    if args.json:
        print(shown(json.dumps(document(observed, findings), indent=2)))
    else:
        _show(observed, findings)
    return int(any(each.severity is not Severity.ADVICE for each in findings))


def shown(text: str) -> str:
    """The text without what stands before the host of an URL."""
    return _PASSWORD.sub("", text)


def document(observed: Observed, findings: list[AuditFinding]) -> dict[str, Any]:
    """What `--json` prints; `state` is "ok" or "findings"."""
    state = "findings" if any(each.severity is not Severity.ADVICE for each in findings) else "ok"
    return {
        "v": 1, "state": state, "findings": [asdict(each) for each in findings],
        "looked_at": list(observed.looked_at), "not_looked_at": list(observed.unseen),
    }  # fmt: skip


async def _audit(args: argparse.Namespace) -> tuple[Observed, list[AuditFinding]]:
    http = HttpClient()
    try:
        async with places.found(args, http) as found:
            known = Known(args.prefix, found.where, tuple(found.unseen))
            observer = Observer(http, found.consul, found.sources, known=known)
            try:
                return await looked_twice(observer, args.settle)
            except Unavailable as error:
                raise ConfigError(f"{error}: {places.cure(found.where)}") from error
    except ConfigError as error:
        raise ConfigError(shown(str(error))) from error
    finally:
        await http.close()


def _show(observed: Observed, findings: list[AuditFinding]) -> None:
    for each in observed.looked_at:
        screen.say("looked at", shown(each))
    for finding in findings:
        colour = _COLOURS[finding.severity]
        screen.out.print(f"[{colour}]{finding.severity:<8}[/]  [bold]{finding.kind}[/bold]  ", end="")
        screen.out.print(shown(finding.problem), markup=False)
        screen.out.print(f"{'':<10}-> {shown(finding.cure)}", markup=False)
    for each in observed.unseen:
        screen.say("not seen", shown(each))
    counts = Counter(each.severity for each in findings)
    words = [f"{counts[each]} {each}{'s' if counts[each] != 1 and each is not Severity.ADVICE else ''}"
             for each in Severity if counts[each]]  # fmt: skip
    screen.say("audit", ", ".join(words) or "nothing is wrong with what was looked at")
