"""Which files the roles write on a host, and which of them `remove.yml` knows: read from the playbooks themselves."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from playbook_plugins import ANSIBLE

# Where a host keeps things; what is mentioned elsewhere is read, or of one run.
_PATH = re.compile(r"(?<![\w}.:~/])/(?:etc|opt|usr/lib|usr/local|var)/[\w./@*-]*(?:\{\{[^}]*\}\}[\w./-]*)*")
_NAME = re.compile(r"\{\{\s*([\w.]+)[^}]*\}\}")
_SAY_WHERE = ("tasks", "vars", "defaults")
_STAND_FOR = {
    "base_engine": ["consul", "nomad", "fabio"],
    "base_archive.file": ["consul_1.22.7_linux_amd64.zip", "nomad_1.11.3_linux_arm64.zip", "fabio-1.7.2-linux_amd64"],
    "hoploom_file": ["hoploom-0.1.0-linux-x86_64-cp311.tar.gz", "hoploom-worker-0.1.0-linux-aarch64-cp312.tar.gz"],
}


def documents(role: Path) -> Iterator[tuple[Path, str]]:
    """Each file of a role that says where something goes, without its comments."""
    for path in sorted(role.rglob("*")):
        if path.parent.name in _SAY_WHERE or path.name == "tmpfiles.conf.j2":
            yield path, re.sub(r"(?m)^\s*#.*$", "", path.read_text(encoding="utf-8"))


def variables(role: Path) -> dict[str, Any]:
    """Variables that a role sets for itself."""
    found: dict[str, Any] = {}
    for path in (*role.glob("vars/*.yml"), *role.glob("defaults/*.yml")):
        found.update(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return found


def names_of(name: str, known: dict[str, Any]) -> list[str]:
    """What stands for a name in braces: engines, archives, daemons, units, a role's own variable; `*` for all else."""
    if name in _STAND_FOR:
        return _STAND_FOR[name]
    if name == "item.key":
        daemons = [*known.get("monitoring_host_arguments", ()), *known.get("monitoring_server_arguments", ())]
        return daemons or _STAND_FOR["base_engine"]
    if name == "item" and "monitoring_textfiles" in known:
        return ["hoploom-certificates.service", "hoploom-certificates.timer"]
    return [str(known.get(name, "*"))]


def expanded(text: str, known: dict[str, Any]) -> list[str]:
    """All paths that one with names in braces means."""
    braces = _NAME.search(text)
    if braces is None:
        return [text]
    each = [text[: braces.start()] + value + text[braces.end() :] for value in names_of(braces.group(1), known)]
    return [path for one in each for path in expanded(one, known)]


def written() -> dict[str, str]:
    """Every path below /etc, /opt, /usr and /var that the roles name, with the file that does."""
    found: dict[str, str] = {}
    for role in sorted((ANSIBLE / "roles").iterdir()):
        known = variables(role)
        for source, text in documents(role):
            for match in _PATH.finditer(text):
                paths = expanded(match.group(0).rstrip("."), known)
                found |= {path.rstrip("/"): str(source.relative_to(ANSIBLE)) for path in paths}
    return found


def parts() -> dict[str, dict[str, Any]]:
    """The footprint, a part a row: engines by their name, the others by the name of their variable."""
    said = yaml.safe_load((ANSIBLE / "vars" / "footprint.yml").read_text(encoding="utf-8"))
    others = {name: part for name, part in said.items() if name.startswith("footprint_") and "paths" in part}
    return {**said["footprint_engines"], **others}


def removed(path: str, rows: dict[str, dict[str, Any]]) -> bool:
    """Whether the footprint has this path, or a folder that it is in.

    Args:
        path: An absolute path.
        rows: What `parts` says. Folders that are Debian's cover nothing but themselves.
    """
    if path in rows["footprint_debian"]["paths"]:
        return True
    ours = [row for name, row in rows.items() if name != "footprint_debian"]
    archives = [f"/var/cache/{pattern}" for row in ours for pattern in row.get("archives", ())]
    paths = [each for row in ours for each in row["paths"]]
    return any(path == each or path.startswith(f"{each}/") for each in paths) or any(
        fnmatch(path, each) for each in archives)
