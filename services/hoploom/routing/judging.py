"""What is wrong with route commands that Fabio reads: they mean nobody, or do something else, or nothing. Pure.

A weight that no target matches costs the whole table, as a line does that cannot be read (Fabio 1.7.2; 1.7.3 passes it
over). The last matching instance of a service may go at any time, so such a line waits for that day: it is good only
behind a guard, a target that is added before it and taken away behind it (`shares`).
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from hoploom.kit.tag_findings import Finding, error, warning
from hoploom.kit.tags import PREFIX
from hoploom.routing import refusing
from hoploom.routing.lines import Add, Command, Delete, Weigh

Numbered = Sequence[tuple[int, Command]]
Services = Mapping[str, Sequence[str]]
MOST = 1.001
"""Sums up to here are 1, written in decimals."""
_GUARD = "write it by `hoploom route weight`, which puts a guard around it"


def judge(commands: Numbered, services: Services | None) -> Iterator[tuple[int, Finding]]:
    """What is to be said, each with the number of its line."""
    for at, (number, command) in enumerate(commands):
        match command:
            case Weigh():
                guarded = is_guarded(commands, at)
                yield from ((number, each) for each in _weighed(command, guarded=guarded))
                if services is not None and not guarded:
                    yield from ((number, each) for each in _matched(command, commands[:at], services))
                yield from ((number, each) for each in _shadowed(command, commands[at + 1 :]))
            case Delete():
                yield from ((number, each) for each in _deleted(command, commands[:at], services))
            case Add():
                yield from ((number, each) for each in _added(command))
    yield from _sums(commands)


def is_guarded(commands: Numbered, at: int) -> bool:
    """Whether a weight always has a target that it matches: one added before it, and not yet taken away."""
    wanted = commands[at][1]
    return isinstance(wanted, Weigh) and any(_meets(wanted, add) for add in _held(commands[:at]))


def _held(commands: Numbered) -> list[Add]:
    """What these add, and do not take away again."""
    held: list[Add] = []
    for _, each in commands:
        if isinstance(each, Add):
            held.append(each)
        elif isinstance(each, Delete):
            held = [add for add in held if not _takes(each, add)]
    return held


def _meets(weigh: Weigh, add: Add) -> bool:
    same = weigh.service in ("", add.service) and weigh.src == add.src
    return same and set(weigh.tags) <= set(add.tags)


def _takes(delete: Delete, add: Add) -> bool:
    if delete.tags:
        return delete.service in ("", add.service) and set(delete.tags) <= set(add.tags)
    return delete.service == add.service and delete.src in ("", add.src) and delete.dst in ("", add.dst)


def _weighed(weigh: Weigh, *, guarded: bool) -> Iterator[Finding]:
    if not math.isfinite(weigh.weight):
        yield error(f"a weight of {weigh.weight} ends Fabio or means nothing", "write a share such as 0.05")
    elif weigh.weight <= 0:
        problem = f"a weight of {weigh.weight:g} is no share at all: such targets get an even part of the rest"
        yield error(problem, "to send them nothing: hoploom route weight SERVICE TAG 0")
    elif weigh.weight > MOST and not guarded:
        yield error(f"the weight {weigh.weight:g} is over 1", "write a share from 0 to 1")
    host = weigh.src.partition("/")[0]
    if host != host.lower():
        problem = f"the host {host} has capital letters, and Fabio knows it only in small ones: {refusing.TABLE}"
        yield error(problem, f"write {host.lower()}")


def _matched(weigh: Weigh, before: Numbered, services: Services) -> Iterator[Finding]:
    added = _held(before)
    if weigh.service and weigh.service not in services and all(each.service != weigh.service for each in added):
        yield error(f"no service {weigh.service} is registered: {refusing.TABLE}", _GUARD)
        return
    of = [weigh.service] if weigh.service else [*services]
    known = {tag for name in of for tag in services.get(name, ())} | {tag for each in added for tag in each.tags}
    for tag in weigh.tags:
        if tag not in known:
            whose = f"instance of {weigh.service}" if weigh.service else "instance"
            yield error(f"no {whose} has the tag {tag!r}: {refusing.TABLE}", _GUARD)
    words = {tag.strip()[len(PREFIX) :].split(" ")[0] for tag in known if tag.strip().startswith(PREFIX)}
    if weigh.src not in words | {each.src for each in added} and not any("$" in each for each in words):
        yield error(f"nothing is routed from {weigh.src}: {refusing.TABLE}", _GUARD)


def _shadowed(weigh: Weigh, behind: Numbered) -> Iterator[Finding]:
    for number, each in behind:
        same = isinstance(each, Weigh) and each.src == weigh.src and each.service in ("", weigh.service)
        if isinstance(each, Weigh) and same and set(each.tags) <= set(weigh.tags):
            yield warning(f"line {number} gives the same targets another weight, which counts", "leave one of them out")
            return
        whole = isinstance(each, Delete) and not each.dst and each.service == weigh.service
        if isinstance(each, Delete) and whole and each.src in ("", weigh.src) and set(each.tags) <= set(weigh.tags):
            yield warning(f"line {number} takes the same targets out of the table", "leave one of them out")
            return


def _deleted(delete: Delete, before: Numbered, services: Services | None) -> Iterator[Finding]:
    if delete.src == "tags":
        problem = f"Fabio reads `tags` as the source and {delete.dst!r} as the target, and takes nothing away"
        yield error(problem, f'put the tags in quotes: tags "{delete.dst}"')
        return
    if not delete.tags and delete.service == "tags" and delete.src:
        yield error("Fabio reads `tags` as the name of a service", f'put the tags in quotes: tags "{delete.src}"')
        return
    added = {each.service for _, each in before if isinstance(each, Add)}
    if services is not None and delete.service and delete.service not in services and delete.service not in added:
        yield warning(f"no service {delete.service} is registered, so nothing is taken away", "leave it out")


def _added(add: Add) -> Iterator[Finding]:
    if not math.isfinite(add.weight):
        yield error(f"a weight of {add.weight} ends Fabio or means nothing", "write a share such as 0.05")
    elif add.weight > MOST:
        yield error(f"the weight {add.weight:g} is over 1", "write a share from 0 to 1")
    elif add.weight < 0:
        yield warning("a weight below 0 is none", "leave it out")


def _sums(commands: Numbered) -> Iterator[tuple[int, Finding]]:
    """Shares of one service at one source that are more than all there is."""
    lines: dict[tuple[str, str], dict[tuple[str, ...], tuple[int, float]]] = {}
    for at, (number, each) in enumerate(commands):
        if isinstance(each, Weigh) and 0 < each.weight <= MOST and not is_guarded(commands, at):
            lines.setdefault((each.service, each.src), {})[tuple(sorted(each.tags))] = (number, each.weight)
    for (service, src), found in lines.items():
        total = sum(weight for _, weight in found.values())
        if total > MOST:
            problem = f"the weights of {service or 'all'} at {src} add up to {total:g}: Fabio scales them down"
            yield max(number for number, _ in found.values()), error(problem, "let them add up to 1 at most")
