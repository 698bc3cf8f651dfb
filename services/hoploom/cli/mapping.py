"""From TARGETS on the command line to a campaign that is mapped: what `up` and `map` share."""

import argparse
import hashlib
import json
import re
import secrets
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hoploom.cli import following, plan_lines, probe_flags, screen, slices
from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.local import tokens
from hoploom.local.mesh import LocalMesh
from hoploom.targets import plan
from hoploom.targets.files import Source, parse_argument
from hoploom.targets.notation import BITS, block_text, parse_block
from hoploom.targets.ranges import merge, to_blocks
from hoploom.targets.space import by_family, split
from hoploom.targets.special_purpose import Space
from hoploom.wire import plans
from hoploom.wire.campaign_request import MAX_SOURCE, CampaignRequest
from hoploom.wire.probe import TRACE, Probe

_WAY_OUT = "answer, or give --yes"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""In names of files; the last are bytes that are no UTF-8."""


@dataclass(frozen=True)
class Prepared:
    """A campaign that could be started, and the plan that a person sees first."""

    request: CampaignRequest
    plan: plan.Plan
    notes: tuple[str, ...]
    agreed: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags about targets."""
    parser.add_argument("targets", nargs="*", metavar="TARGETS", help="CIDR blocks, files of them, or folders of files")
    parser.add_argument("--name", default="", help="name of the campaign")
    parser.add_argument("--per-prefix", default="", metavar="RULE", help="sampling, e.g. 24:1,48:1 or 24:all")
    parser.add_argument("--exclude", action="append", default=[], metavar="BLOCK", help="leave out (may be repeated)")
    parser.add_argument("--allow-private", action="store_true", help="loopback and private blocks in files are meant")
    parser.add_argument("--contact", default="", help="who answers for the probes; public targets need it (RFC 9511)")
    parser.add_argument("--rate", type=int, metavar="PPS", help="packets a second (0: no limit, loopback only)")
    probe_flags.add_arguments(parser)
    parser.add_argument("--max-targets", type=int, default=plan.MAX_TARGETS, metavar="N", help="refuse more than this")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="passes of each group; 0: for ever")
    parser.add_argument("--cooldown-minutes", type=int, default=0, metavar="MIN", help="a target rests so long")
    parser.add_argument("--cooldown-scope", choices=("group", "mesh"), default="group", help="across whom it rests")
    parser.add_argument("--network-pps", type=int, default=0, metavar="PPS", help="cap to one /24 or /48, mesh-wide")
    parser.add_argument("--anchor", action="append", default=[], metavar="IP", help="answers where the network works")
    slices.add_arguments(parser)
    parser.add_argument("--id", default="", help="the campaign's id; the same again goes on with it")
    parser.add_argument("--restart", action="store_true", help="with --id: changed targets begin a new edition")
    parser.set_defaults(apart=False)  # `@fleet` wants it
    parser.add_argument("--yes", action="store_true", help="start with public targets without asking")


def prepare(args: argparse.Namespace, default: str = "") -> Prepared:
    """Read the targets and compute the plan; nothing is sent.

    Args:
        args: Parsed flags.
        default: What to map where nothing is named.

    Raises:
        ConfigError: Something is wrong with the targets or flags; says what, and the way out.
    """
    if not args.targets and not default:
        raise ConfigError("name what to map: CIDR blocks, files or folders")
    args.count = probe_flags.COUNT if args.count is None else args.count
    sources = [source for text in args.targets or [default] for source in parse_argument(text).sources]
    excludes = [source for text in args.exclude for source in parse_argument(text).sources]
    _require_good(sources, excludes)
    own = [source for source in sources if _own_space(source)]
    not_meant = [] if args.allow_private else [source for source in own if not source.by_hand]
    _require_meant(not_meant)
    blocks = [block for source in sources for block in source.blocks]
    left_out = [block for source in excludes for block in source.blocks]
    left_out += [parse_block(text) for source in not_meant for text in _own_space(source)]
    request = replace(
        _wished(args, default),
        blocks=tuple(str(block) for block in blocks),
        excludes=tuple(str(block) for block in left_out),
        allow_private=len(own) > len(not_meant),
        sources=_runs(sources),
    )
    # What the input service would refuse is refused here, also in a dry run.
    CampaignRequest.from_json(request.to_json())
    notes = _notes(sources, own, not_meant)
    notes += [f"no targets named: {default}, the loopback demo"] if not args.targets else []
    return Prepared(request, plans.planned(request, args.max_targets), tuple(notes), args.yes)


def _wished(args: argparse.Namespace, default: str) -> CampaignRequest:
    """The request as the flags have it, without its blocks."""
    probe = probe_flags.probe(args)
    return CampaignRequest(
        id=_campaign_id(args, default, probe),
        name=args.name,
        blocks=(),
        per_prefix=args.per_prefix,
        contact=args.contact,
        rate_pps=args.rate,
        probe=probe,
        max_targets=args.max_targets,
        rounds=args.rounds,
        cooldown_minutes=args.cooldown_minutes,
        cooldown_scope=args.cooldown_scope,
        network_pps=args.network_pps,
        anchors=tuple(args.anchor),
        revise="restart" if args.restart else "",
        slices=slices.parse(args.slices),
        apart=args.apart,
    )


def _runs(sources: list[Source]) -> tuple[tuple[str, int], ...]:
    """Where blocks came from; nothing where none came from a list, since blocks by hand are called what they are."""
    if all(source.by_hand for source in sources):
        return ()
    named = [(source.name if source.by_hand else Path(source.name).stem, len(source.blocks)) for source in sources]
    return tuple((_UNPRINTABLE.sub("?", name)[:MAX_SOURCE], count) for name, count in named if count)


def _notes(sources: list[Source], own: list[Source], not_meant: list[Source]) -> list[str]:
    """What was left out, and what of loopback and private space was not."""
    bad = [source for source in sources if source.bad_count]
    notes = [f"{source.name}: {source.bad_count} bad lines, nothing of it is used" for source in bad]
    notes += [f"{source.name}: loopback or private blocks left out (--allow-private)" for source in not_meant]
    first, *more = [source.name for source in own if source.by_hand] or [""]
    which = f"{first} and {len(more)} more are" if more else f"{first} is"
    notes += [f"{which} loopback or private space named by hand: allowed"] if first else []
    notes += [f"{source.name}: loopback or private space, allowed by --allow-private" for source in own
              if not source.by_hand and source not in not_meant]
    return notes


async def carry_out(mesh: LocalMesh, prepared: Prepared, *, groups: int = 1, as_json: bool = False) -> int:
    """Start the campaign on a running mesh, show its progress, print what became of it.

    Args:
        mesh: The mesh.
        prepared: The campaign, and the plan that was shown.
        groups: So many groups should map it; it is waited for them while anything moves.
        as_json: Print one JSON document instead of lines.
    """
    say = screen.say_aside if as_json else screen.say
    for note in prepared.notes:
        say("note", note)
    for name, words in plan_lines.again(prepared.request):
        say(name, words)
    _consent(prepared)
    beyond_loopback = any(each is not Space.LOOPBACK for each in prepared.plan.spaces)
    await following.require_workers(mesh, beyond_loopback=beyond_loopback)
    began = time.monotonic()
    campaign = await _create(mesh, prepared.request)
    if not as_json:
        rate = plan_lines.rate(prepared.plan, prepared.request.probe)
        say("campaign", f"{campaign['id']}: {campaign['targets']:,} targets, {rate}")
    groups_done = await following.follow(mesh, campaign, groups)
    seconds = time.monotonic() - began
    found, probe = await following.summary(mesh, campaign["id"]), prepared.request.probe
    if as_json:
        head = {"campaign": campaign["id"], "kind": probe.kind, "targets": campaign["targets"], "groups": groups_done}
        print(json.dumps({**head, **found, "seconds": round(seconds, 3)}))
    else:
        probed = campaign["targets"] * groups_done * max(1, prepared.request.rounds)
        say(*plan_lines.ended(probe, probed, found, seconds))
    return 0


def _require_good(sources: list[Source], excludes: list[Source]) -> None:
    reports = [source.report() for source in [*sources, *excludes] if source.bad_count]
    for report in reports:
        print(report, file=sys.stderr)
    if any(source.bad_count for source in excludes):
        raise ConfigError("an exclusion that is not understood stops everything; nothing was sent")
    if reports and not any(source.blocks for source in sources):
        raise ConfigError("no good block is left; nothing was sent")


def _own_space(source: Source) -> list[str]:
    """The loopback and private blocks of a source."""
    found = []
    for family, ranges in by_family(source.blocks).items():
        parts = split(family, ranges)
        own = merge([*parts.get(Space.LOOPBACK, []), *parts.get(Space.PRIVATE, [])])
        found += [block_text(family, first, prefix) for first, prefix in to_blocks(own, BITS[family])]
    return found


def _require_meant(not_meant: list[Source]) -> None:
    """A list of nothing but one's own space is a slip, or is meant; a public list with some of it is just untidy."""
    for source in not_meant:
        if not any(Space.PUBLIC in split(family, ranges) for family, ranges in by_family(source.blocks).items()):
            raise ConfigError(
                f"{source.name} holds only loopback or private addresses: add --allow-private if they are meant; "
                "nothing was sent"
            )


def _campaign_id(args: argparse.Namespace, default: str, probe: Probe) -> str:
    """`up` with the same targets goes on with the same campaign; `map` begins another each time."""
    if args.id:
        return str(args.id)
    if not default:
        return f"{_slug(args.name) or 'map'}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    names = ("targets", "per_prefix", "exclude", "rate", "count", "timeout_ms", "contact", "name", "max_targets",
             "rounds", "cooldown_minutes", "cooldown_scope", "network_pps", "anchor")
    values = {**vars(args), "timeout_ms": probe.timeout_ms}
    # Pings keep the ids that they had before there were traceroutes.
    more = [["probe", probe.to_json()]] if probe.kind == TRACE else []
    more += [["slices", args.slices]] if args.slices else []
    content = json.dumps([[name, values[name]] for name in names] + more)
    return f"{_slug(args.name) or 'up'}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _slug(name: str) -> str:
    return "-".join("".join(each if each.isascii() and each.isalnum() else " " for each in name.lower()).split())[:30]


def _consent(prepared: Prepared) -> None:
    if not prepared.plan.needs_contact:
        return
    if not prepared.request.contact:
        raise ConfigError("public targets and no contact (--contact; see `map --dryrun`). Nothing was sent")
    if prepared.agreed:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"public targets need a yes: {_WAY_OUT}. Nothing was sent")
    words = f"{prepared.plan.targets:,} targets, attributed to {prepared.request.contact}. Start? [y/N] "
    if input(words).strip().lower() not in ("y", "yes"):
        raise ConfigError("not started. Nothing was sent")


async def _create(mesh: LocalMesh, request: CampaignRequest) -> dict[str, Any]:
    headers = credentials.header(tokens.read(mesh.places)["operator"])
    answer = await mesh.http.request(
        "POST", f"{mesh.fabio_url}/api/v1/campaigns", json=request.to_json(), headers=headers, timeout_s=30.0
    )
    if not answer.ok:
        raise BadRequest(f"the campaign is refused: {answer.reason()}")
    found: dict[str, Any] = answer.json()["campaign"]
    return found
