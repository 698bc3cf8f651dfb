"""A job as it was submitted: its text and the values of its variables. A deploy changes values alone. Pure.

Source: HashiCorp, "Jobs - HTTP API" (read job submission: `Source`, `Format`, `VariableFlags`, `Variables`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

HCL = "hcl2"
_DECLARED = re.compile(r'^\s*variable\s+"([^"]+)"', re.MULTILINE)
_ASSIGNED = re.compile(r"\s*([A-Za-z_][\w-]*)\s*=")
_HEREDOC = re.compile(r"<<[-~]?\s*(\w+)\s*$")


@dataclass(frozen=True)
class JobSource:
    """What was submitted.

    Attributes:
        text: The job file.
        format: "hcl2", or another that knows no variables.
        flags: Values given one by one, as `-var` has them.
        file: Text of files of values (`-var-file`); what stands in `flags` counts more.
    """

    text: str
    format: str = HCL
    flags: Mapping[str, str] = field(default_factory=dict)
    file: str = ""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "JobSource":
        """From what Nomad keeps."""
        flags = {name: str(value) for name, value in (found.get("VariableFlags") or {}).items()}
        return cls(found.get("Source") or "", found.get("Format") or HCL, flags, found.get("Variables") or "")

    def as_submission(self) -> dict[str, Any]:
        """As it goes with a job that is registered."""
        named = {"Source": self.text, "Format": self.format, "VariableFlags": dict(self.flags)}
        return {**named, "Variables": self.file} if self.file else named

    def declares(self, variable: str) -> bool:
        """Whether the job file has such a variable."""
        return variable in _DECLARED.findall(self.text)

    def value(self, variable: str) -> str:
        """The value that was given; empty where the job file's own counts."""
        return self.flags.get(variable, "") or _unquoted(_assignments(self.file).get(variable, ""))

    def told(self, values: Mapping[str, str]) -> "JobSource":
        """The same job with other values."""
        return replace(self, flags={**self.flags, **values})

    def as_hcl(self) -> str:
        """All values in one text, as Nomad's parser takes them: none twice."""
        kept = "".join(text for name, text in _assignments(self.file).items() if name not in self.flags)
        return kept + "".join(f"{name} = {_literal(value)}\n" for name, value in self.flags.items())


def _assignments(text: str) -> dict[str, str]:
    """The text of each assignment by its name; a list, a map or a heredoc takes as many lines as it does."""
    found: dict[str, str] = {}
    name, depth, until = "", 0, ""
    for line in text.splitlines(keepends=True):
        start = _ASSIGNED.match(line) if not depth and not until else None
        if start:
            name = start[1]
            found.pop(name, None)
        if name:
            found[name] = found.get(name, "") + line.rstrip("\n") + "\n"
        if until:
            until = "" if line.strip() == until else until
            continue
        heredoc = _HEREDOC.search(line)
        until = heredoc[1] if heredoc else ""
        bare = re.sub(r'"(\\.|[^"\\])*"|#.*|//.*', "", line)
        depth += sum(bare.count(each) for each in "[{(") - sum(bare.count(each) for each in "]})")
    return found


def _unquoted(assignment: str) -> str:
    value = assignment.partition("=")[2].strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _literal(value: str) -> str:
    if value.startswith(("[", "{")):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'
