"""A load by vegeta: open loop, two thirds on kept connections and one third on new ones, each answer accounted for.

Open loop: a request is sent when its time has come, whoever still waits, so that a router which stands still costs all
the requests of that time and not one. vegeta sends each request once; what it does not forgive, nobody here forgives.
"""

import base64
import csv
import json
import signal
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from vegeta_program import program
from waiting import until

PER_S = 200
TIMEOUT_S = 15
_KEPT = 2 / 3
_FIELDS = ("ns", "code", "latency_ns", "out", "in", "error", "body", "attack", "seq", "method", "url", "headers")
_GO_S = 1.0
_WARM_S = 2.0
"""First connections, first imports: neither quiet nor a part of what is done."""


@dataclass(frozen=True)
class Target:
    """A request that is sent over and over.

    Attributes:
        method: GET, POST, ...
        url: With an address, not a name.
        body: What is sent.
        headers: Its headers.
        good: The statuses that the service itself answers with; anything else is a failure.
    """

    method: str
    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    good: tuple[int, ...] = (200,)

    @property
    def path(self) -> str:
        """Path and query of its URL."""
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def line(self) -> str:
        """As vegeta reads it (README, "JSON format")."""
        headers = {name: [value] for name, value in self.headers.items()}
        body = base64.b64encode(self.body).decode()
        return json.dumps({"method": self.method, "url": self.url, "body": body, "header": headers})


class Sent(NamedTuple):
    """A request that was sent, and what came of it.

    Attributes:
        at_s: When, in seconds since 1970.
        took_s: Until its answer was there.
        method: As it was asked.
        url: As it was asked.
        code: Status of the answer; 0 for none.
        words: What vegeta or the answer said.
        is_kept: Whether it may have come by a connection that was used before.
        good: Whether the service itself answered.
        late_s: How much later than planned it was sent: then it was the client that had no processor.
    """

    at_s: float
    took_s: float
    method: str
    url: str
    code: int
    words: str
    is_kept: bool
    good: bool
    late_s: float = 0.0

    @property
    def kind(self) -> str:
        """What came of it, and how it was asked: the same for all that failed for one reason."""
        why = self.code or self.words.rpartition(": ")[2][:60]
        return f"{self.method} {urlsplit(self.url).path} {why} ({'kept' if self.is_kept else 'new'})"

    def __str__(self) -> str:
        """In one line, for people."""
        when = time.strftime("%H:%M:%S", time.gmtime(self.at_s)) + f"{self.at_s % 1:.3f}"[1:]
        kept = "kept" if self.is_kept else "new"
        return f"{when} {self.method} {self.url} ({kept}): {self.code} after {self.took_s:.3f} s {self.words[:160]}"


@dataclass(frozen=True)
class Account:
    """What came of the requests that were sent in some time.

    Attributes:
        sent: All of them, by when they were sent.
    """

    sent: tuple[Sent, ...]

    @property
    def failed(self) -> list[Sent]:
        """Those that the service did not answer itself."""
        return [each for each in self.sent if not each.good]

    def split(self, at_s: float) -> tuple["Account", "Account"]:
        """Those that had ended at a moment, and those of which something was still to come: it may be its doing."""
        ended = tuple(each for each in self.sent if each.at_s + each.took_s < at_s)
        return Account(ended), Account(tuple(each for each in self.sent if each.at_s + each.took_s >= at_s))

    @property
    def worst(self) -> tuple[int, float]:
        """Most failed requests of one go, and the most seconds that one lasted; a pause of a second ends a go."""
        goes, last_s = list[list[float]](), float("-inf")
        for each in sorted(self.failed):
            if each.at_s - last_s > _GO_S:
                goes.append([])
            goes[-1].append(last_s := each.at_s)
        return max(map(len, goes), default=0), max((go[-1] - go[0] for go in goes), default=0.0)

    @property
    def codes(self) -> dict[str, int]:
        """How often each status came, by method."""
        return dict(sorted(Counter(f"{each.method} {each.code}" for each in self.sent).items()))

    @property
    def kinds(self) -> dict[str, int]:
        """How often each kind of failure came."""
        return dict(Counter(each.kind for each in self.failed).most_common())

    def within_ms(self, percent: int) -> float:
        """Milliseconds within which so many percent were answered."""
        return _quantile_ms([each.took_s for each in self.sent], percent)

    def late_ms(self, percent: int) -> float:
        """By how many milliseconds so many percent were sent later than planned, at most."""
        return _quantile_ms([each.late_s for each in self.sent], percent)

    @property
    def longest_ms(self) -> float:
        """Milliseconds that the slowest took."""
        return max((each.took_s for each in self.sent), default=0.0) * 1000


def _quantile_ms(seconds: Sequence[float], percent: int) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000 if len(seconds) > 1 else 0.0


class Attack:
    """The load, from entering this context to leaving it; bounded in time whatever happens."""

    def __init__(
        self, targets: Sequence[Target], folder: Path, *, per_s: float = PER_S, at_most_s: float = 600,
        within: Sequence[str] = (),
    ) -> None:
        """Send nothing yet.

        Args:
            targets: What is asked, in turn.
            folder: For vegeta's files; made where it is missing.
            per_s: Requests a second, all together.
            at_most_s: Seconds after which it ends by itself.
            within: What to put before the command, so that it runs in a namespace.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._targets, self._folder = tuple(targets), folder
        (folder / "targets").write_text("".join(f"{each.line()}\n" for each in targets), encoding="utf-8")
        kept = round(per_s * _KEPT)
        self._rates = {True: kept, False: round(per_s) - kept}
        self._commands = {
            is_kept: [*within, *self._command(is_kept, rate, at_most_s)] for is_kept, rate in self._rates.items()
        }
        self._running: list[subprocess.Popen[bytes]] = []
        self._all: tuple[Sent, ...] = ()
        self.began_s = 0.0

    def __enter__(self) -> Self:
        """Begin, and wait for the first answers."""
        self.began_s = time.time()
        with (self._folder / "log").open("ab") as log:
            for command in self._commands.values():
                self._running.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        until("vegeta's first answers", self._has_answers, 10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and wait for the last answers."""
        for each in self._running:
            each.send_signal(signal.SIGINT)
        for each in self._running:
            each.wait(TIMEOUT_S + 10)
        self._all = tuple(sorted(self._read()))

    def account(self, from_s: float = 0.0, to_s: float = float("inf")) -> Account:
        """What came of what was sent between two moments (seconds since 1970); known when the load has ended."""
        return Account(tuple(each for each in self._all if max(from_s, self.began_s + _WARM_S) <= each.at_s < to_s))

    def _command(self, is_kept: bool, per_s: int, at_most_s: float) -> list[str]:
        flags = {
            "targets": self._folder / "targets", "format": "json", "rate": f"{per_s}/1s", "duration": f"{at_most_s:g}s",
            "keepalive": str(is_kept).lower(), "timeout": f"{TIMEOUT_S}s", "redirects": -1, "max-body": 200,
            "output": self._results(is_kept),
        }  # fmt: skip
        return [str(program()), "attack", *(f"-{name}={value}" for name, value in flags.items())]

    def _results(self, is_kept: bool) -> Path:
        return self._folder / ("kept.bin" if is_kept else "new.bin")

    def _has_answers(self) -> bool:
        results = [self._results(is_kept) for is_kept in (True, False)]
        return all(each.exists() and each.stat().st_size for each in results)

    def _read(self) -> Iterator[Sent]:
        good = {(each.method, each.url): each.good for each in self._targets}
        for is_kept in (True, False):
            command = [str(program()), "encode", "-to=csv", str(self._results(is_kept))]
            encoded = subprocess.run(command, capture_output=True, check=True).stdout
            yield from late(read(encoded.decode("utf-8", "replace"), is_kept, good), self._rates[is_kept])


def late(sent: Iterable[Sent], per_s: float) -> list[Sent]:
    """The same requests, each with how much later it was sent than an even rate had it.

    Args:
        sent: Those of one vegeta, all of them.
        per_s: How many a second it was told to send.
    """
    found = sorted(sent)
    # As early as none was before its time: whoever was first may itself have been late.
    began_s = min((each.at_s - number / per_s for number, each in enumerate(found)), default=0.0)
    return [each._replace(late_s=each.at_s - number / per_s - began_s) for number, each in enumerate(found)]


def read(text: str, is_kept: bool, good: Mapping[tuple[str, str], tuple[int, ...]]) -> Iterator[Sent]:
    """What vegeta's results say.

    Args:
        text: As `vegeta encode -to=csv` writes them.
        is_kept: Whether they came by kept connections.
        good: The statuses that the service itself answers with, by method and URL.
    """
    for row in csv.reader(text.splitlines()):
        yield _sent(dict(zip(_FIELDS, row, strict=False)), is_kept, good)


def _sent(row: Mapping[str, str], is_kept: bool, good: Mapping[tuple[str, str], tuple[int, ...]]) -> Sent:
    code, asked = int(row["code"]), (row["method"], row["url"])
    body = base64.b64decode(row["body"]).decode("utf-8", "replace").strip()
    at_s, took_s = int(row["ns"]) / 1e9, int(row["latency_ns"]) / 1e9
    # Before the body is whole vegeta knows a status already: an answer that broke off has an error beside it.
    broke = bool(row["error"]) and code < 400
    words = " ".join(filter(None, [row["error"], body if code >= 400 else ""]))
    return Sent(at_s, took_s, *asked, code, words, is_kept, code in good[asked] and not broke)
