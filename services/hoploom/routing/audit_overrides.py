"""Overrides in the KV store, held against what is registered: lines that freeze, do nothing or hide something. Pure.

The lines are carried out on paper as Fabio does it (`table`), once whole and once without each of them: a line without
which the table is the same does nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hoploom.kit.consul_records import Instance
from hoploom.kit.names import DEFAULT_PREFIX
from hoploom.kit.tag_findings import Severity as TagSeverity
from hoploom.routing import audit_expected, judging, refusing
from hoploom.routing.audit_expected import Due
from hoploom.routing.audit_findings import AuditFinding, Kind, Severity
from hoploom.routing.audit_observed import KV_PATH, Observed, Override, Settings, target
from hoploom.routing.commands import Line, read
from hoploom.routing.lines import Add, Command, Delete, Weigh
from hoploom.routing.shares import NOWHERE
from hoploom.routing.table import Routes, registered_lines, split

Source = tuple[str, str]
"""Host and path."""
Place = tuple[str, str, str]
"""Service, source, and `address:port`, or the whole destination."""
_FIRST_FORGIVING = (1, 7, 3)
"""The first Fabio that passes over a weight for nobody (its CHANGELOG, #1053)."""
_MOST_LINES = 200
"""So many lines are left out one by one: with more it takes long."""
HIDES = "hides the route"
"""In the words of a finding: a line takes a route away that an instance asks for."""


@dataclass(frozen=True)
class Effect:
    """What the overrides of a path make of the registered routes.

    Attributes:
        added: What no instance has to stand for, by service, source and `address:port`.
        removed: What no router has to have.
    """

    added: frozenset[Place] = frozenset()
    removed: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Numbered:
    """A line with the place where it stands."""

    key: str
    line: Line

    @property
    def where(self) -> str:
        """For a person."""
        return f"{self.key} line {self.line.number}"

    @property
    def is_ours(self) -> bool:
        """Whether `hoploom route` and `hoploom deploy` keep it."""
        return self.key.rpartition("/")[2] == DEFAULT_PREFIX


def find(observed: Observed) -> tuple[list[AuditFinding], Mapping[str, Effect]]:
    """What is wrong with the overrides, and what they do, by the path that they lie below."""
    found, effects = list[AuditFinding](), dict[str, Effect]()
    for path, overrides in observed.overrides.items():
        judged = _Judged(observed, path, overrides)
        found += judged.findings()
        effects[path] = judged.effect()
    return found, effects


class _Judged:
    """The overrides of one path."""

    def __init__(self, observed: Observed, path: str, overrides: Sequence[Override]) -> None:
        self._path = path
        self._lines = [Numbered(each.key, line) for each in overrides for line in read(each.text)]
        self._steps = [(each, each.line.command) for each in self._lines
                       if each.line.command is not None and not each.line.findings]  # fmt: skip
        self._commands = [(number, command) for number, (_, command) in enumerate(self._steps)]
        readers = [each for each in observed.routers if (each.settings.kv_path if each.settings else KV_PATH) == path]
        self._forgiving = bool(readers) and all(_version(each.version) >= _FIRST_FORGIVING for each in readers)
        settings = next((each.settings for each in readers if each.settings), None)
        self._is_known = observed.instances is not None
        prefix = settings.tag_prefix if settings else observed.prefix
        # Most overrides are none, and the registered lines of a large mesh are many.
        self._base = _by_source(observed.instances or (), settings, prefix) if self._steps else {}
        self._touched = [self._touching(command) for _, command in self._steps]

    def findings(self) -> Iterator[AuditFinding]:
        """All of them."""
        for each in self._lines:
            for finding in each.line.findings:
                yield _bad(each, finding.problem, finding.cure)
        for number, finding in judging.judge(self._commands, None):
            if finding.severity is TagSeverity.ERROR:
                each = self._steps[number][0]
                yield AuditFinding(
                    Kind.ODD_OVERRIDE, Severity.WARNING, "", each.where, f"{each.where}: {finding.problem}",
                    finding.cure,
                )  # fmt: skip
        if self._is_known:
            yield from self._idle()
            yield from self._hiding()
            yield from self._left_out()

    def effect(self) -> Effect:
        """What they do, those that Fabio refuses left out."""
        touched = frozenset(source for each in self._touched for source in each)
        before, after = _places(self._carried(touched, 0)), _places(self._carried(touched))
        added = {(each.service, each.src, target(each.dst)) for _, each in self._steps if isinstance(each, Add)}
        return Effect(frozenset((after - before) | added), frozenset(before - after))

    def _idle(self) -> Iterator[AuditFinding]:
        """Lines that do nothing, or for nobody."""
        for number, (each, command) in enumerate(self._steps[:_MOST_LINES]):
            touched = self._touched[number]
            routes = self._carried(touched, number)
            before = _entries(routes)
            matched = _apply(routes, command)
            if isinstance(command, Weigh) and not matched and not self._forgiving:
                problem = f"nobody matches this weight: before 1.7.3 {refusing.TABLE}"
                yield _bad(each, problem, "take the line away, or write it by `hoploom route weight`, which guards it")
            elif judging.is_guarded(self._commands, number) or _is_guard(command):
                # It is there for the day on which the last that matches goes.
                continue
            elif _entries(routes) == before:
                yield _shadowed(each, "changes nothing of what is registered", "take it away, or look for the slip")
            elif _entries(self._carried(touched, without=number)) == _entries(self._carried(touched)):
                yield _shadowed(each, "does nothing in the end: a later line undoes it", "take one of the two away")

    def _hiding(self) -> Iterator[AuditFinding]:
        """Lines that take routes of services away which still ask for them."""
        for number, (each, command) in enumerate(self._steps[:_MOST_LINES]):
            if not isinstance(command, Delete):
                continue
            touched = self._touched[number]
            asked, left = _places(self._carried(touched, 0)), _places(self._carried(touched, number))
            hidden = sorted((asked & left) - _places(self._carried(touched, number + 1)))
            if hidden:
                service, src, _ = hidden[0]
                more = f" and {len(hidden) - 1} more" if len(hidden) > 1 else ""
                finding = _shadowed(each, f"{HIDES} {src} that {service} asks for{more}",
                                    "take the line away, or the tag")  # fmt: skip
                yield finding if not each.is_ours else _advice(finding)

    def _left_out(self) -> Iterator[AuditFinding]:
        """That there are more lines than are tried."""
        rest = len(self._steps) - _MOST_LINES
        if rest > 0:
            problem = f"{self._path} has {len(self._steps):,} lines: whether each does something was tried with the "
            problem += f"first {_MOST_LINES}, and not with the other {rest:,}"
            yield AuditFinding(
                Kind.ODD_OVERRIDE, Severity.ADVICE, "", self._path, problem,
                "so many routes are better registered as tags of services",
            )  # fmt: skip

    def _touching(self, command: Command) -> frozenset[Source]:
        """The sources of which a command may change anything; each is independent of all others."""
        if not isinstance(command, Delete) or (command.src and not command.tags):
            return frozenset({_source(command.src)})
        added = [each for _, each in self._steps if isinstance(each, Add)]
        known = {**self._base, **{_source(each.src): [*self._base.get(_source(each.src), ()), each] for each in added}}
        return frozenset(
            source for source, targets in known.items()
            if any(command.service in ("", each.service) and set(command.tags) <= set(each.tags) for each in targets)
        )  # fmt: skip

    def _carried(self, sources: frozenset[Source], upto: int | None = None, *, without: int = -1) -> Routes:
        """The routes of these sources after so many lines."""
        made = Routes()
        for source in sources:
            for add in self._base.get(source, ()):
                made.add(add)
        for number, (_, command) in enumerate(self._steps[:upto]):
            if number != without and self._touched[number] & sources:
                _apply(made, command)
        return made


def _by_source(
    instances: Sequence[Instance], settings: Settings | None, prefix: str
) -> Mapping[Source, Sequence[Add]]:
    passing = [each for each in instances if audit_expected.due(each.checks, settings) is not Due.UNLISTED]
    found: dict[Source, list[Add]] = {}
    for line in read("\n".join(registered_lines(passing, prefix))):
        if isinstance(line.command, Add) and not line.findings:
            found.setdefault(_source(line.command.src), []).append(line.command)
    return found


def _source(src: str) -> Source:
    host, path = split(src)
    return host.lower(), path


def _apply(routes: Routes, command: Command) -> int:
    match command:
        case Add():
            routes.add(command)
        case Delete():
            routes.delete(command)
        case Weigh():
            return routes.weigh(command)
    return 1


def _is_guard(command: Command) -> bool:
    return not isinstance(command, Weigh) and command.dst == NOWHERE


def _entries(routes: Routes) -> frozenset[tuple[str, str, str, float, tuple[str, ...], str]]:
    return frozenset(
        (each.service, each.src, each.dst, round(each.weight, 6), each.tags, each.opts) for each in routes.entries()
    )


def _places(routes: Routes) -> frozenset[Place]:
    return frozenset((each.service, each.src, target(each.dst)) for each in routes.entries())


def _version(text: str) -> tuple[int, ...]:
    numbers = text.removeprefix("v").split("-")[0].split(".")
    return tuple(int(each) for each in numbers if each.isdecimal())


def _bad(each: Numbered, problem: str, cure: str) -> AuditFinding:
    return AuditFinding(Kind.BAD_OVERRIDE, Severity.ERROR, "", each.where, f"{each.where}: {problem}", cure)


def _shadowed(each: Numbered, problem: str, cure: str) -> AuditFinding:
    text = f"{each.where} ({each.line.text.strip()}) {problem}"
    return AuditFinding(Kind.SHADOWED_OVERRIDE, Severity.WARNING, "", each.where, text, cure)


def _advice(finding: AuditFinding) -> AuditFinding:
    return AuditFinding(finding.kind, Severity.ADVICE, "", finding.subject, finding.problem, finding.cure)
