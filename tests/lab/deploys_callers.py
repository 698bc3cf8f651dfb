"""Services that ask other ones by the kit while something happens to these: `deploys_caller_program`, as a load."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from lab import deploys_caller_program
from vegeta import PER_S, Account, Sent, Target

PROGRAM = Path(deploys_caller_program.__file__)
HERE = (sys.executable, str(PROGRAM))
_WARM_S, _MOST_S = 2.0, 60.0


class Way(NamedTuple):
    """How services are found from where the program runs.

    Attributes:
        consul: URL of the agent.
        fabio: URL of the Fabio that is asked while nobody is known.
        token_file: Of Consul's token; empty for none.
    """

    consul: str
    fabio: str
    token_file: str = ""


class Callers:
    """The load, while this is entered as a context."""

    def __init__(
        self, way: Way, asked: Mapping[str, Sequence[Target]], *, per_s: float = PER_S / 2, at_most_s: float = 600,
        command: Sequence[str] = HERE,
    ) -> None:
        """Ask nothing yet.

        Args:
            way: How services are found.
            asked: What is asked of each service, in turn; of a URL the path alone.
            per_s: Requests a second, all together.
            at_most_s: Seconds after which it ends by itself.
            command: What runs the program.
        """
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._told = {**way._asdict(), "per_s": per_s, "at_most_s": at_most_s, "asked": _asked(asked)}
        self._began_s, self._all = 0.0, tuple[Sent, ...]()

    def __enter__(self) -> Self:
        """Begin."""
        self._began_s = time.time()
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._told) + "\n")
        self._process.stdin.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and wait for the last answers."""
        assert self._process is not None
        text, _ = self._process.communicate(timeout=_MOST_S)
        self._all = tuple(Sent(*each) for each in sorted(json.loads(text or "[]")))

    def account(self, from_s: float = 0.0, to_s: float = float("inf")) -> Account:
        """What came of what was sent between two moments (seconds since 1970); known when the load has ended."""
        from_s = max(from_s, self._began_s + _WARM_S)
        return Account(tuple(each for each in self._all if from_s <= each.at_s < to_s))


def _asked(asked: Mapping[str, Sequence[Target]]) -> list[dict[str, Any]]:
    turns = max(map(len, asked.values()))
    found = [(name, each[number % len(each)]) for number in range(turns) for name, each in asked.items()]
    return [
        {"service": name, "method": each.method, "path": each.path, "headers": dict(each.headers),
         "body": base64.b64encode(each.body).decode(), "good": each.good}
        for name, each in found
    ]  # fmt: skip
