"""The lines of our own key that give instances with a tag a share of a service's requests. Pure.

Fabio 1.7.2 refuses its whole table when a weight matches no target, and the last instance with a tag may go at any time
(or the first not have come). So each of our weights stands behind a guard: a target is added that has the tag, weighed
with the others, and taken away. Fabio divides the weight by all that match, so it is written for one more than there
are: what the guard was given falls to nobody, and the rest is the share that was meant.

::

    # orders /orders: 10 % to "1.4.1"
    route add orders /orders http://0.0.0.0:0/ tags "1.4.1"
    route weight orders /orders weight 0.2 tags "1.4.1"        (for one instance: 0.1 of 0.2 goes to the guard)
    route del orders /orders http://0.0.0.0:0/

Comes another instance or goes one, the share moves by less than it would without: of 0.1 for four, three have 0.094.

*Nothing*: a weight of 0 is no share at all but an even part, and `route del` takes the instances out of the table,
which a starting instance and a drain both look into. So the others are given everything, by their tags; who has the tag
stays listed with a share of 0.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import ConfigError
from hoploom.kit.tags import PREFIX
from hoploom.routing.lines import BLANKS, Add, Command, Delete, Weigh, write
from hoploom.routing.table import SLOTS

NOWHERE = "http://0.0.0.0:0/"
"""Where a guard would send requests, if it ever got any."""
_VERSION = re.compile(r"v?\d+(\.\d+)+([.+-][0-9A-Za-z.+-]+)?", re.ASCII)
_REMARK = re.compile(r'# (\S+) (\S+): .* to "')
_COMMAND = re.compile(r"route (?:add|weight|del) (\S+) (\S+)")
_HEAD = "# Shares, kept by hoploom (`hoploom route`, `hoploom deploy`). Lines of your own belong in a key of your own."


def share(instances: Sequence[Instance], sources: Iterable[str], tag: str, weight: float, expected: int) -> list[str]:
    """Lines by which all instances with a tag together get a share.

    Args:
        instances: All of the service that are registered, by its name in Consul; one at least.
        sources: What it is routed from.
        tag: One of their tags, or of those that will come.
        weight: From a slot of Fabio's ring for each instance up to 1.
        expected: How many will have the tag.

    Raises:
        ConfigError: No such share can be made; with the reason.
    """
    _check_tag(tag)
    if not 0 < weight <= 1:
        raise ConfigError(f"a share is from 0 to 1, such as 0.1 for a tenth, not {weight:g}")
    if weight * SLOTS < expected:
        raise ConfigError(f"the least share that Fabio gives to {expected} instances is {expected / SLOTS:g}")
    # All of it is over 1 however many there are, so that not a slot is left for the others.
    written = 2.0 if weight == 1 else round(weight * (expected + 1) / expected, 9)
    service = instances[0].service
    said = f'{weight * 100:.4g} % to "{tag}"'
    return [line for src in sources for line in (f"# {service} {src}: {said}", *_guarded(service, src, tag, written))]


def nothing(instances: Sequence[Instance], sources: Iterable[str], tag: str) -> list[str]:
    """Lines by which no instance with a tag gets any request, as long as another is there.

    Raises:
        ConfigError: The others cannot be told from them by a tag, or there are none.
    """
    _check_tag(tag)
    found = covering(instances, tag)
    service = instances[0].service
    lines = []
    for src in sources:
        lines.append(f'# {service} {src}: nothing to "{tag}"')
        for name, count in found:
            lines += _guarded(service, src, name, float(count + 1))
    return lines


def covering(instances: Sequence[Instance], tag: str) -> list[tuple[str, int]]:
    """Tags that all instances without `tag` have and none with it: each with the number of those it is the first of.

    As long as nobody has the tag, only versions count: who comes may share any other tag with those that are there.

    Raises:
        ConfigError: There are none.
    """
    having = [each for each in instances if tag in plain_tags(each)]
    theirs = {name for each in having for name in plain_tags(each)}
    left = [each for each in instances if tag not in plain_tags(each)]
    if not left:
        raise ConfigError(f"no instance of {instances[0].service} is without the tag {tag!r}: nobody would be left")
    found = []
    while left:
        names = {name for each in left for name in (plain_tags(each) if having else _versions(each))} - theirs
        counts = {name: sum(name in plain_tags(each) for each in left) for name in names}
        best = max(sorted(counts), key=counts.__getitem__, default="")
        if not best:
            who = left[0].id
            lacking = f"that those with {tag!r} lack" if having else f"of a version, and nobody has {tag!r} yet"
            raise ConfigError(f"{who} has no tag {lacking}: give it one, such as its version")
        found.append((best, counts[best]))
        left = [each for each in left if best not in plain_tags(each)]
    return found


def _versions(instance: Instance) -> list[str]:
    return [each for each in plain_tags(instance) if each == instance.meta.get("version") or _VERSION.fullmatch(each)]


def plain_tags(instance: Instance) -> list[str]:
    """The tags of an instance that are no routes, as Fabio has them."""
    found = [each.strip(BLANKS) for each in instance.tags]
    return [name.strip(BLANKS) for each in found if not each.startswith(PREFIX) for name in each.split(",")]


def put(text: str, service: str, block: Sequence[str], sources: Collection[str] = ()) -> str:
    """Our key's text with this block in the place of what it said of the service; an empty block takes that away.

    Args:
        text: As it is.
        service: Its name in Consul.
        block: What `share` or `nothing` gave.
        sources: Of which alone it is said; none for all of the service's.
    """
    kept = [line for line in text.split("\n") if line != _HEAD and not _is_of(line, service, sources)]
    body = [line for line in kept if line.strip()] + list(block)
    return "\n".join([_HEAD, *body]) + "\n" if body else ""


def of(text: str, service: str) -> list[str]:
    """The lines of our key's text that are of a service, by its name in Consul."""
    return [line for line in text.split("\n") if _is_of(line, service, ())]


def services(text: str) -> list[str]:
    """The services of which our key's text says something."""
    return sorted({words[2] for words in map(str.split, text.split("\n")) if words[:2] == ["route", "weight"]})


def said(text: str) -> list[str]:
    """What our key's text says, for a person: a line each."""
    return [line.removeprefix("# ") for line in text.split("\n") if _REMARK.match(line)]


def _is_of(line: str, service: str, sources: Collection[str]) -> bool:
    found = _REMARK.match(line) or _COMMAND.match(line)
    return found is not None and found[1] == service and (not sources or found[2] in sources)


def _guarded(service: str, src: str, tag: str, weight: float) -> Iterator[str]:
    guard: list[Command] = [
        Add(service, src, NOWHERE, tags=(tag,)),
        Weigh(service, src, weight, (tag,)),
        Delete(service, src, NOWHERE),
    ]
    return map(write, guard)


def _check_tag(tag: str) -> None:
    if not tag or tag != tag.strip(BLANKS) or any(each in tag for each in ',"\n\r') or tag.startswith(PREFIX):
        raise ConfigError(f"{tag!r} is no tag that a weight can name: no comma, quote or blank around it, no route")
