"""The variables of the job files, and the table that nomad/README.md has of them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


class Variable(NamedTuple):
    """A variable of one job file; its default as the file writes it, empty where it has none."""

    job: str
    name: str
    type: str
    description: str
    default: str


def variables(job: Path) -> list[Variable]:
    """The variables of a job file, in its order."""
    found = _BLOCK.findall(job.read_text(encoding="utf-8"))
    return [
        Variable(job.name.split(".")[0], name, *(_value(body, field) for field in ("type", "description", "default")))
        for name, body in found
    ]


def table(jobs: Sequence[Path]) -> str:
    """A line of Markdown for each variable: its name, what it is, and its default, by job where they differ."""
    by_name: dict[str, list[Variable]] = {}
    for job in jobs:
        for variable in variables(job):
            by_name.setdefault(variable.name, []).append(variable)
    return "".join(
        f"| `{name}` | {found[0].description} | {_defaults(found)} | {_jobs(found, len(jobs))} |\n"
        for name, found in by_name.items()
    )


def _value(body: str, field: str) -> str:
    found = re.search(rf"^  {field}\s*= (.*)$", body, re.MULTILINE)
    return found[1].strip('"') if found else ""


def _defaults(found: Sequence[Variable]) -> str:
    jobs: dict[str, list[str]] = {}
    for variable in found:
        jobs.setdefault(variable.default, []).append(variable.job)
    if len(jobs) == 1:
        return _code(found[0].default)
    return "; ".join(f"{_code(default)} ({', '.join(names)})" for default, names in jobs.items())


def _code(default: str) -> str:
    return f"`{default}`" if default else "empty"


def _jobs(found: Sequence[Variable], count: int) -> str:
    return "all" if len(found) == count else ", ".join(variable.job for variable in found)
