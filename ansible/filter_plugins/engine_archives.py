"""Which archive an engine comes from, and what its SHA-256 must be: from the one list of releases, or from a mirror."""

import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Fabio publishes no sums, so its archive's name and sum are the mirror's.
_FABIO_FILE = "fabio-{version}-linux_{arch}"


def releases(text: str) -> dict[str, Any]:
    """The list of releases (TOML) as a dict."""
    return tomllib.loads(text)


def archive(name: str, listed: Mapping[str, Any], arch: str, source: Mapping[str, Any]) -> dict[str, str]:
    """Version, URL and sum of an engine's archive.

    Args:
        name: consul, nomad or fabio.
        listed: The list of releases.
        arch: Of the host, as the vendors call it: amd64 or arm64.
        source: `version` (empty: the listed one), `mirror` (empty: the vendor), `sha256` (by file name).

    Returns:
        `version`, `url`, `sha256` and `file`; or `problem` alone, in words.
    """
    found = listed[name]
    version = source.get("version") or found["version"]
    template = found.get("url", _FABIO_FILE).replace(found["version"], version).replace("{os}", "linux")
    url = template.replace("{arch}", arch).replace("{version}", version)
    file = url.rsplit("/", 1)[-1]
    if source.get("mirror"):
        base = str(source["mirror"]).rstrip("/")
        url = f"{base if '://' in base else f'file://{base}'}/{file}"
    elif "url" not in found:
        return {"problem": f"nobody publishes {name} with a checksum: put {file} into a mirror, and say where it is "
                           "(hoploom_mirror) and its sum (hoploom_mirror_sha256)"}
    listed_sum = found.get("sha256", {}).get(f"linux_{arch}", "") if version == found["version"] else ""
    sha256 = (source.get("sha256") or {}).get(file) or listed_sum
    if not sha256:
        return {"problem": f"no SHA-256 is known for {file}: give it in hoploom_mirror_sha256"}
    return {"version": version, "url": url, "sha256": sha256, "file": file}


def archives(names: Sequence[str], listed: Mapping[str, Any], arch: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """The archive of each of these engines; `source` has `versions` by engine in place of `version`."""
    versions = source.get("versions") or {}
    return {name: archive(name, listed, arch, {**source, "version": versions.get(name)}) for name in names}


def folder_problems(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What is wrong with archives that lie in a folder of the controller; nothing of those that are elsewhere.

    Args:
        found: Archives by engine, as `archives` returns them.
    """
    here = [(Path(each["url"].removeprefix("file://")), each["sha256"]) for each in found.values()
            if each.get("url", "").startswith("file://")]
    return [problem for path, sha256 in here if (problem := _file_problem(path, sha256))]


def _file_problem(path: Path, sha256: str) -> str:
    try:
        with path.open("rb") as file:
            seen = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return "" if seen == sha256.lower() else f"{path} has SHA-256 {seen} and must have {sha256}: it was changed"


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """The filters by name."""
        return {"releases": releases, "engine_archives": archives, "folder_problems": folder_problems}
