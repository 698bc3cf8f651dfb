"""`hoploom route lint [FILE]`: what is wrong with overrides and tags, before Fabio sees them or where they stand."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hoploom.cli import screen
from hoploom.cli.routes import reaching
from hoploom.cli.routes.weight import changes
from hoploom.kit import tags
from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import ConfigError
from hoploom.kit.tag_findings import Finding, Severity
from hoploom.routing import commands, editions, table

NAME = "lint"
HELP = "findings in route commands (FILE, or - for stdin), in --tags, or in all that a Consul has (exit 1: errors)"
_MOST_BYTES = 512 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    reaching.add_arguments(parser)
    parser.add_argument(
        "file", nargs="?", default="", help="route commands; - for stdin; none: all that stands in Consul"
    )
    parser.add_argument("--key", default="", metavar="NAME", help="FILE is to be this key of Fabio's: look at "
                        "the others and at what is registered too, and tell what becomes of the table")  # fmt: skip
    parser.add_argument(
        "--tags", nargs="+", default=[], metavar="TAG", help="tags such as 'urlprefix-/orders strip=/o'"
    )
    parser.add_argument("--dc", default="", metavar="NAME", help="another datacenter of that Consul")


def run(args: argparse.Namespace) -> int:
    """Judge, and tell."""
    if args.tags and (args.file or args.key):
        raise ConfigError("--tags or FILE: one of them at a time")
    if args.key and not args.file:
        raise ConfigError("--key says which key FILE is to be: name a FILE")
    if args.tags:
        return tell({"tags": tags.lint(_tags(args.tags))})
    if args.file and not args.key:
        return tell({args.file: commands.lint(_text(args.file))})
    return asyncio.run(_with_consul(args))


async def _with_consul(args: argparse.Namespace) -> int:
    async with reaching.reached(args) as reach:
        overrides, weights = reach.overrides(args.dc), reach.weights(args.dc)
        own, others = await overrides.all()
        services = await reach.plain.services(dc=args.dc)
        standing = {**dict(others), **({overrides.key: editions.marked(own.text, overrides.path)} if own.text else {})}
        passing = await weights.passing()
        if args.file:
            text = _text(args.file)
            wanted = {**standing, f"{overrides.kvpath}/{args.key}": text}
            code = tell(_and_whole({args.file: commands.lint(text, services)}, passing, wanted))
            for line in [] if code else _difference(passing, standing, wanted):
                screen.say("plan", line)
            return code
        keys = {key: commands.lint(text, services) for key, text in standing.items()}
        registered = {f"service {name}": tags.lint(found) for name, found in sorted(services.items())}
        return tell(_and_whole({**registered, **keys}, passing, standing))


def _and_whole(
    findings: Mapping[str, list[Finding]], passing: Sequence[Instance], texts: Mapping[str, str]
) -> Mapping[str, list[Finding]]:
    """The findings, and what Fabio refuses when it reads all of it, where nothing else says so."""
    if any(each.severity is Severity.ERROR for found in findings.values() for each in found):
        return findings
    try:
        table.effective(passing, commands.joined(texts.items()))
    except table.Refused as refused:
        found = Finding(Severity.ERROR, str(refused), "until then every Fabio keeps the table that it has")
        return {**findings, "all keys": [found]}
    return findings


def _difference(passing: Sequence[Instance], before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    try:
        old = table.effective(passing, commands.joined(before.items()))
    except table.Refused:
        return ["Fabio refuses what stands now, and takes this"]
    found = changes(old, table.effective(passing, commands.joined(after.items())))
    return found or ["the table stays as it is"]


def tell(findings: Mapping[str, Iterable[Finding]]) -> int:
    """Print findings by what they are in; the exit code."""
    errors = count = 0
    for where, found in findings.items():
        for each in found:
            count += 1
            errors += each.severity is Severity.ERROR
            screen.out.print(f"{each.severity:<8} {where}: {each}", markup=False)
            if each.tag:
                screen.out.print(f"         {each.tag}", markup=False)
    screen.say("found", f"{_many(errors, 'error')}, {_many(count - errors, 'warning')}")
    return 1 if errors else 0


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _tags(found: Sequence[str]) -> list[str]:
    # Without the prefix it is no route to Fabio, and whoever asks means one.
    return [each if each.startswith(tags.PREFIX) else f"{tags.PREFIX}{each}" for each in found]


def _text(name: str) -> str:
    try:
        data = sys.stdin.buffer.read(_MOST_BYTES + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror or error}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{name} has over {_MOST_BYTES:,} bytes, and Consul takes no such value")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is no text in UTF-8") from None
