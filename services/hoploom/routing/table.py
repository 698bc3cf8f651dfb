"""The table that Fabio makes of registered instances and overrides, with the shares it gives them. Pure.

Each instance's tags become `route add` lines, sorted backwards; the overrides come behind them, in the order of their
keys; then one line after the other is carried out. Fixed weights take their part, the rest is divided evenly, sums over
1 are scaled down, and of each route a ring of 10,000 slots is filled, of which one is drawn for each request.

Source: Fabio 1.7.2, registry/consul/{routecmd,service,kv}.go, route/{table,route,picker}.go; held against the real one
by tests/integration/test_routing_fabio.py.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hoploom.kit.consul_records import Instance
from hoploom.kit.errors import ConfigError
from hoploom.kit.fabio_api import RouteEntry
from hoploom.kit.tags import PREFIX
from hoploom.kit.version_shares import weights
from hoploom.routing import refusing
from hoploom.routing.commands import KEY, read
from hoploom.routing.lines import BLANKS, Add, Delete, Weigh

SLOTS = 10_000
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z0-9_]+|[*#$@!?-]))", re.ASCII)
_SCHEMES = {"tcp": "tcp://{}", "https": "https://{}", "grpc": "grpc://{}", "grpcs": "grpcs://{}"}


class Refused(ConfigError):
    """Fabio would keep its last table, for every service; the text says over which line and why."""


@dataclass
class Target:
    """One target of a route."""

    service: str
    dst: str
    fixed: float
    tags: tuple[str, ...]
    opts: str
    weight: float = 0.0

    def has(self, tags: Iterable[str]) -> bool:
        """Whether it carries all of these tags."""
        return all(each in self.tags for each in tags)


@dataclass
class Routes:
    """Fabio's table while it is being made: targets by host and path."""

    by_source: dict[tuple[str, str], list[Target]] = field(default_factory=dict)

    def add(self, wanted: Add) -> None:
        """Enter a target, unless the very same is there."""
        host, path = split(wanted.src)
        targets = self.by_source.setdefault((host.lower(), path), [])
        made = Target(wanted.service, wanted.dst, max(0.0, wanted.weight), wanted.tags, wanted.opts)
        key = (made.service, made.dst, made.fixed, made.tags)
        if all((each.service, each.dst, each.fixed, each.tags) != key for each in targets):
            targets.append(made)

    def delete(self, wanted: Delete) -> None:
        """Take targets out; none is no error."""
        gone = _deleted(wanted)
        for source, targets in list(self.by_source.items()):
            if not wanted.src or wanted.tags or split(wanted.src) == source:
                kept = [each for each in targets if not gone(each)]
                self.by_source[source] = kept
                if not kept:
                    del self.by_source[source]

    def weigh(self, wanted: Weigh) -> int:
        """Give all matching targets together a share; returns how many match, 0 stops Fabio's whole table."""
        targets = self.by_source.get(split(wanted.src), [])
        found = [each for each in targets if wanted.service in ("", each.service) and each.has(wanted.tags)]
        for each in found:
            each.fixed = wanted.weight / len(found)
        return len(found)

    def entries(self) -> Iterator[RouteEntry]:
        """The table as `/api/routes` tells it."""
        for (host, path), targets in sorted(self.by_source.items(), key=lambda item: item[0], reverse=True):
            for target, weight in zip(targets, weights([each.fixed for each in targets]), strict=True):
                yield RouteEntry(
                    target.service, host + path, target.dst, host, path, target.opts, weight, target.tags
                )  # fmt: skip


def split(src: str) -> tuple[str, str]:
    """Host and path of a source; a port alone is a host without path."""
    if src.startswith(":"):
        return src, ""
    host, _, path = src.partition("/")
    return host, f"/{path}"


def _deleted(wanted: Delete) -> Callable[[Target], bool]:
    if wanted.tags:
        return lambda each: wanted.service in ("", each.service) and each.has(wanted.tags)
    if wanted.dst:
        return lambda each: each.service == wanted.service and each.dst == wanted.dst
    return lambda each: each.service == wanted.service


def slots(shares: Sequence[float]) -> list[int]:
    """How many of a route's slots each target gets: at least one, whatever is over nothing."""
    return [int(SLOTS * each) or (1 if each > 0 else 0) for each in shares]


def registered_lines(instances: Iterable[Instance], prefix: str = PREFIX) -> list[str]:
    """The `route add` lines that Fabio makes of instances, in its order."""
    return sorted((line for each in instances for line in _lines_of(each, prefix)), reverse=True)


def sources(instances: Iterable[Instance], prefix: str = PREFIX) -> list[str]:
    """Everything that these instances want to be routed from, in order and once each."""
    lines = read("\n".join(registered_lines(instances, prefix)))
    return sorted({line.command.src for line in lines if isinstance(line.command, Add)})


def _lines_of(instance: Instance, prefix: str) -> Iterator[str]:
    tags = [each.strip(BLANKS) for each in instance.tags]
    plain = ",".join(each for each in tags if not each.startswith(prefix))
    for tag in tags:
        if tag.startswith(prefix):
            source, _, options = tag[len(prefix) :].strip(BLANKS).partition(" ")
            dst, weight, opts = _options(instance, options.split())
            line = f"route add {instance.service} {_expanded(source, instance.dc)} {dst}"
            line += f" weight {weight}" if weight else ""
            line += f' tags "{_escaped(plain)}"' if plain else ""
            yield line + (f' opts "{_escaped(" ".join(opts))}"' if opts else "")


def _options(instance: Instance, words: Sequence[str]) -> tuple[str, str, list[str]]:
    address = f"[{instance.address}]" if ":" in instance.address else instance.address
    where = f"{address}:{instance.port}"
    dst, weight, opts = f"http://{where}/", "", []
    for word in words:
        name, _, value = word.partition("=")
        if name == "proto" and value in _SCHEMES:
            dst = _SCHEMES[value].format(where)
        elif word.startswith("weight="):
            weight = value
        elif word.startswith("redirect="):
            code, *urls = value.split(",")
            if len(urls) == 1:
                dst = urls[0]
                opts.append(f"redirect={code}")
        else:
            opts.append(word)
    return dst, weight, opts


def _expanded(source: str, dc: str) -> str:
    if source.startswith(":") or "/" not in source:
        return source
    found = _VARIABLE.sub(lambda match: dc if "DC" in match.groups() else "", source)
    host, _, path = found.partition("/")
    return f"{host.lower()}/{path}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def effective(registered: Sequence[Instance], overrides: str) -> list[RouteEntry]:
    """The table that Fabio makes.

    Args:
        registered: The instances that pass, each by its service's name in Consul.
        overrides: Texts of all keys below Fabio's path, joined as `overrides.joined` does.

    Raises:
        Refused: Fabio makes none of it.
    """
    return list(carried_out("\n".join([*registered_lines(registered), overrides])).entries())


def carried_out(text: str) -> Routes:
    """Carry route commands out as Fabio does, up to the end or to the line that it refuses.

    Raises:
        Refused: There is such a line.
    """
    made, key, before = Routes(), "", 0
    for line in read(text):
        if line.text.startswith(KEY):
            key, before = line.text.removeprefix(KEY), line.number
        where = f"{key + ' ' if key else ''}line {line.number - before} (`{line.text.strip()}`)"
        for each in line.findings:
            raise Refused(f"{where}: {each}")
        match line.command:
            case Add() as wanted:
                made.add(wanted)
            case Delete() as wanted:
                made.delete(wanted)
            case Weigh() as wanted if not made.weigh(wanted):
                raise Refused(f"{where}: {refusing.NOBODY}")
    return made


def difference(before: Sequence[RouteEntry], after: Sequence[RouteEntry]) -> list[str]:
    """What becomes other from one table to the next, a line each; nothing where nothing does."""
    old, new = _shares(before), _shares(after)
    lines = []
    for key in sorted(old.keys() | new.keys()):
        was, will = old.get(key), new.get(key)
        if was != will:
            src, service, dst = key
            lines.append(f"{src} -> {dst} ({service}): {_percent(was)} -> {_percent(will)}")
    return lines


def _shares(table: Iterable[RouteEntry]) -> Mapping[tuple[str, str, str], float]:
    found: dict[tuple[str, str, str], float] = {}
    for each in table:
        key = (each.src, each.service, each.dst)
        found[key] = round(found.get(key, 0.0) + each.weight, 6)
    return found


def _percent(share: float | None) -> str:
    return "not listed" if share is None else f"{share * 100:.4g} %"
