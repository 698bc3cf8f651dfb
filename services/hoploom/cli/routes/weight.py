"""`hoploom route weight SERVICE TAG SHARE`: instances with a tag get a share of the service's requests."""

import argparse
import asyncio
from collections.abc import Sequence

from hoploom.cli import screen
from hoploom.cli.routes import reaching
from hoploom.kit.errors import ConfigError
from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing import editions, shares, table
from hoploom.routing.weights import Wish

NAME = "weight"
HELP = "give instances with a tag (a version is one) a share of a service's requests, seen at every Fabio"
_PERCENT = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    reaching.add_arguments(parser)
    parser.add_argument("service", help="whose requests")
    parser.add_argument(
        "tag", nargs="?", default="", help="of the instances, such as their version; they may be to come"
    )
    parser.add_argument("share", nargs="?", default="", help="all of them together: 0.1 or 10%%; 0 for nothing at all")
    parser.add_argument("--src", default="", metavar="HOST/PATH", help="of the service's routes this alone")
    parser.add_argument("--instances", type=int, metavar="N", help="how many will have the tag (default: as many as "
                        "have it now, or one)")  # fmt: skip
    parser.add_argument("--dc", default="", metavar="NAME", help="another datacenter of that Consul")
    parser.add_argument("--clear", action="store_true", help="take our lines for the service away again")
    parser.add_argument("--plan", action="store_true", help="say what would become of the table, and write nothing")


def run(args: argparse.Namespace) -> int:
    """Write it, and see it."""
    return asyncio.run(_weigh(args))


async def _weigh(args: argparse.Namespace) -> int:
    wish = wanted(args)
    async with reaching.reached(args) as reach:
        weights = reach.weights(args.dc)
        if args.plan:
            plan = await weights.planned(wish)
            for line in changes(plan.before, plan.after) or [
                "the table stays as it is, until an instance with that tag comes"
            ]:
                screen.say("plan", line)
            return 0
        shown = await (weights.clear(wish.service) if args.clear else weights.carry_out(wish))
        for line in shares.said(shown.text):
            screen.say("shares", line)
        count, names = len(shown.routers), ", ".join(shown.routers)
        screen.say("shown", f"by {count} of {count} Fabios after {shown.after_s * 1000:.0f} ms: {names}")
        if not args.clear:
            screen.say("undo", f"hoploom route weight {args.service} --clear")
    return 0


def wanted(args: argparse.Namespace) -> Wish:
    """What the words say.

    Raises:
        ConfigError: One is missing or too many, or the share is none.
    """
    if args.clear:
        words = [args.tag, args.share, args.src and f"--src {args.src}", args.instances and "--instances"]
        if beside := " ".join(filter(None, words)):
            cure = f"leave {beside} out: hoploom route weight {args.service} --clear"
            raise ConfigError(f"--clear takes all our lines for {args.service} away, whatever tag they name: {cure}")
        return Wish(args.service)
    if not args.tag or not args.share:
        raise ConfigError("name a service, a tag and a share: hoploom route weight orders 1.4.1 10%")
    if args.instances is not None and args.instances < 1:
        raise ConfigError("--instances is how many there will be, 1 at least")
    return Wish(args.service, args.tag, part(args.share), args.instances or 0, args.src)


def part(text: str) -> float:
    """A share from 0 to 1, of "0.1" or "10%".

    Raises:
        ConfigError: It is none.
    """
    try:
        found = float(text.removesuffix("%")) / (_PERCENT if text.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ConfigError(f"a share is from 0 to 1, or from 0% to 100%, not {text!r}")
    return found


def changes(before: Sequence[RouteEntry], after: Sequence[RouteEntry]) -> list[str]:
    """What becomes other, without the mark by which tables show our text."""
    tables = [[each for each in made if each.service != editions.SERVICE] for made in (before, after)]
    return table.difference(*tables)
