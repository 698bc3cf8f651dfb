"""What several routers' tables say together: shares by tags, and who differs. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hoploom.kit.fabio_api import RouteEntry

_DIGITS = 4


@dataclass(frozen=True)
class SeenTable:
    """The table of one router.

    Attributes:
        router: Its name.
        routes: None where it did not answer.
        away: Why it did not.
    """

    router: str
    routes: tuple[RouteEntry, ...] | None = None
    away: str = ""


@dataclass
class Group:
    """The targets of a service at one source that have the same tags.

    Attributes:
        service: Its name in Consul.
        src: Host and path, or port.
        tags: Theirs; a version is among them where the service gives it.
        targets: Where requests go.
        shares: What all of them together get, by router; 1.0 is all.
    """

    service: str
    src: str
    tags: tuple[str, ...]
    targets: set[str] = field(default_factory=set)
    shares: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def alike(self) -> bool:
        """Whether all routers that list any of it give it the same share."""
        return len({round(share, _DIGITS) for share in self.shares.values()}) == 1


def groups(tables: Iterable[SeenTable], services: Iterable[str] = ()) -> list[Group]:
    """What is routed, by service, source and tags.

    Args:
        tables: Of all routers.
        services: Of which alone; none for all.
    """
    wanted, found = set(services), dict[tuple[str, str, tuple[str, ...]], Group]()
    for table in tables:
        for each in table.routes or ():
            if not wanted or each.service in wanted:
                key = (each.service, each.src, each.tags)
                group = found.setdefault(key, Group(*key))
                group.targets.add(each.dst)
                group.shares[table.router] += each.weight
    return [found[key] for key in sorted(found)]


def differing(tables: Sequence[SeenTable]) -> list[str]:
    """Routers whose table is not that of most, and those that did not answer: a sentence each."""
    known = {each.router: _lines(each.routes) for each in tables if each.routes is not None}
    found = [f"{each.router} does not answer: {each.away}" for each in tables if each.routes is None]
    if not known:
        return found
    usual = Counter(frozenset(lines.items()) for lines in known.values()).most_common(1)[0][0]
    most = dict(usual)
    like = next(name for name, lines in known.items() if lines == most)
    return found + [f"{name} {_apart(lines, most, like)}" for name, lines in known.items() if lines != most]


def _lines(routes: Iterable[RouteEntry]) -> Mapping[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = defaultdict(float)
    for each in routes:
        found[each.src, each.dst] += each.weight
    return {key: round(share, _DIGITS) for key, share in found.items()}


def _apart(lines: Mapping[tuple[str, str], float], most: Mapping[tuple[str, str], float], like: str) -> str:
    lacking, more = sorted(most.keys() - lines.keys()), sorted(lines.keys() - most.keys())
    for word, keys in (("lacks", lacking), ("alone has", more)):
        if keys:
            (src, dst), rest = keys[0], len(keys) - 1
            return f"{word} {src} -> {dst}{f' and {rest} more' if rest else ''}, unlike {like}"
    src, dst = next(key for key in sorted(lines) if lines[key] != most[key])
    return f"gives {src} -> {dst} {lines[src, dst]:.2%} and {like} {most[src, dst]:.2%}"
