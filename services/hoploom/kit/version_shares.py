"""Shares of a service's requests by tag, for calls between services: read where Fabio reads them. Pure.

`routing.shares` writes them, and is told there: each weight stands behind a guard, a target that is gone again, and is
written for one more than there are. Every instance is given here what Fabio's own table gives it.
"""

import re
from collections.abc import Sequence

from hoploom.kit.consul_records import Instance
from hoploom.kit.tags import PREFIX

_LINE = re.compile(r'route weight (\S+) (\S+) weight (\d+(?:\.\d+)?(?:e-?\d+)?) tags "([^"]*)"', re.ASCII)
_GUARD = 1

Said = tuple[str, float]
"""A tag, and the weight that is written for it."""


def read(text: str, service: str) -> tuple[Said, ...]:
    """What our key says of a service, by its name in Consul.

    A direct call has no source, so what is said at the first one holds; a share is said at all of them alike, unless
    somebody names one.
    """
    found = [line for line in map(_LINE.fullmatch, text.split("\n")) if line and line[1] == service]
    return tuple((line[4], float(line[3])) for line in found if line[2] == found[0][2])


def parts(instances: Sequence[Instance], said: Sequence[Said]) -> list[tuple[float, list[str]]]:
    """The instances by what is said of them.

    Returns:
        The share that those of each part have together, from 0 to 1, and their ids; nothing where nothing is said of
        anybody who is there.
    """
    tags, fixed = [_tags(each) for each in instances], [0.0] * len(instances)
    named = [""] * len(instances)
    for tag, weight in said:
        found = [at for at, those in enumerate(tags) if tag in those]
        for at in found:
            fixed[at], named[at] = weight / (len(found) + _GUARD), tag
    if not any(fixed):
        return []
    shares = weights(fixed)
    members = {tag: [at for at, other in enumerate(named) if other == tag] for tag in named}
    return [(sum(shares[at] for at in those), [instances[at].id for at in those]) for those in members.values()]


def weights(fixed: Sequence[float]) -> list[float]:
    """The share of each target of one route.

    Args:
        fixed: What each was given; 0 or less for none.

    Returns:
        As many shares; they add up to 1 but for rounding.

    Source: Fabio 1.7.2, route/route.go (weighTargets).
    """
    taken, given = 0.0, [each for each in fixed if each > 0]
    for each in given:
        taken += each
    if not given:
        return [1.0 / len(fixed) for _ in fixed]
    scale = 1 / taken if taken > 1 or (len(given) == len(fixed) and taken < 1) else 1.0
    rest = max(0.0, (1 - taken) / (len(fixed) - len(given))) if len(given) < len(fixed) else 0.0
    return [each * scale if each > 0 else rest for each in fixed]


def _tags(instance: Instance) -> set[str]:
    plain = (each for each in map(str.strip, instance.tags) if not each.startswith(PREFIX))
    return {name.strip() for each in plain for name in each.split(",")}
