#!/usr/bin/python
"""One release of hoploom from its archive: checked, unpacked beside other releases, tried, and made the current one."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: hoploom_release
short_description: Install a release of hoploom and make it the current one
description:
  - Refuses an archive that has another SHA-256 before anything of it is unpacked.
  - A release is unpacked beside the others, started once (which makes its byte code), and only then named by the link
    current. The one that was current stays, for going back; older ones go, unless a process runs from them.
author: hoploom
options:
  version:
    description: Version of the release; the name of its folder.
    type: str
    required: true
  sha256:
    description: What the archive's SHA-256 must be.
    type: str
    required: true
  archive:
    description: The archive on the host, removed when it is installed; not needed where the release is there.
    type: path
  root:
    description: Folder of all releases and of the links.
    type: path
    default: /opt/hoploom
"""

NOTE = "archive.sha256"
_PROGRAMS = ("input_service", "ping_service", "output_service", "manager")
_TRIES = (
    ("bin/hoploom", "--help"),
    ("bin/python", "-c", f"import {', '.join(f'hoploom.{name}.app' for name in _PROGRAMS)}"),
)


class Refused(Exception):
    """Why the release cannot be installed, for a person."""


def installed(release: Path) -> str:
    """Sum of the archive that a release was unpacked from; empty where there is no release."""
    note = release / NOTE
    return note.read_text(encoding="ascii").strip() if note.exists() else ""


def current(root: Path) -> str:
    """Version that the link names; empty where there is none."""
    link = root / "current"
    return os.path.basename(os.readlink(link)) if link.is_symlink() else ""


def install(archive: Path, sha256: str, release: Path) -> None:
    """Check, unpack and try; the release appears whole or not at all."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise Refused(f"{archive.name} has SHA-256 {found} and must have {sha256}: it was changed, or the sum is of "
                      "another file; nothing of it was unpacked")
    with beside(release) as made:
        with tarfile.open(archive) as packed:
            if hasattr(tarfile, "data_filter"):
                packed.extractall(made, filter="data")
            else:  # Debian 12's Python may lack it; the sum has said whose archive this is
                packed.extractall(made)
        try_out(made)
        (made / NOTE).write_text(f"{sha256}\n", encoding="ascii")


@contextmanager
def beside(release: Path) -> Iterator[Path]:
    """A new folder that becomes `release` when all went well, and is gone when not."""
    release.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=release.parent))
    try:
        yield made
        made.chmod(0o755)
        made.rename(release)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def try_out(made: Path) -> None:
    """Start every program once, as root, so that the byte code of what services import is there for all."""
    for program, *words in _TRIES:
        ran = subprocess.run([str(made / program), *words], capture_output=True, text=True, check=False)
        if ran.returncode:
            last = ran.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise Refused(f"it does not run on this host: {last[0]}")


def relink(link: Path, target: str) -> None:
    """Make `link` name this target, at no instant missing."""
    scratch = link.with_name(f".{link.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(link)


def stale(releases: Path, kept: set[str]) -> list[Path]:
    """Releases that nobody goes back to and no process runs from, and what a broken-off installation left."""
    found = [path for path in releases.iterdir() if path.name not in kept]
    commands = [text for text in map(_command, Path("/proc").glob("[0-9]*/cmdline")) if text]
    return [path for path in found if not any(f"{path}/".encode() in text for text in commands)]


def _command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended
        return b""


def bring(root: Path, version: str, sha256: str, archive: "str | None") -> None:
    """Install the release where it is missing, make it the current one, and remove what is stale."""
    release, before = root / "releases" / version, current(root)
    if not installed(release):
        if archive is None:
            raise Refused("its archive was not brought to this host")
        install(Path(archive), sha256, release)
        Path(archive).unlink()
    if before != version:
        relink(root / "current", f"releases/{version}")
        for path in stale(release.parent, {version, before}):
            shutil.rmtree(path)
    if not (root / "bin").is_symlink():
        relink(root / "bin", "current/bin")


def main() -> None:
    """Ansible's entry point."""
    spec = {
        "version": {"type": "str", "required": True},
        "sha256": {"type": "str", "required": True},
        "archive": {"type": "path"},
        "root": {"type": "path", "default": "/opt/hoploom"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    root, version, sha256 = Path(module.params["root"]), module.params["version"], module.params["sha256"].lower()
    os.umask(0o022)
    there, before = installed(root / "releases" / version), current(root)
    changed = not there or before != version or not (root / "bin").is_symlink()
    try:
        if there not in ("", sha256):
            raise Refused("the release of that version here is from another archive, and a release is never replaced: "
                          "build this one under another version (`hoploom build --version`)")
        if not module.check_mode:
            bring(root, version, sha256, module.params["archive"])
    except Refused as refused:
        module.fail_json(msg=f"hoploom {version}: {refused}")
    except OSError as error:  # a full disk, most likely
        module.fail_json(msg=f"hoploom {version}: {error.strerror or error}: {error.filename or root}")
    diff = {"before": f"{before or 'nothing'}\n", "after": f"{version}\n"} if changed else {}
    module.exit_json(changed=changed, is_there=bool(there), current=before, diff=diff)


if __name__ == "__main__":
    main()
