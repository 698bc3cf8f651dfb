"""An output that kills itself at a step of beginning, closing or removing a file, so that each of them is tried."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from hoploom.output_service import archive, closing, disk, rotation

STEPS: Sequence[tuple[Any, str]] = (
    (os, "fsync"), (Path, "rename"), (Path, "unlink"), (rotation, "prepare"), (rotation, "open_for_writing"),
    (closing, "extract"), (closing, "known"), (disk, "remove"),
)
"""What changes a folder, or is done in between."""


def die_at(step: int, log: Path) -> None:
    """Let this process kill itself before or after the step with this number, and write its name down."""
    left = step
    archive.LOOK_S = 0.01

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def wrapped(*args: Any, **options: Any) -> Any:
            count(f"before {name}")
            result = call(*args, **options)
            count(f"after {name}")
            return result

        return wrapped

    def count(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            with log.open("a") as file:
                file.write(f"{name}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    for where, name in STEPS:
        setattr(where, name, watched(name, getattr(where, name)))
