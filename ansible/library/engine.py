#!/usr/bin/python
"""One engine from its archive: fetched, its SHA-256 checked, unpacked beside other versions, and linked."""

import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: engine
short_description: Install consul, nomad or fabio from an archive
description:
  - Fetches the archive, refuses it when its SHA-256 is another one, and installs the program that is in it.
  - Beside the program lies the sum of its archive, so that another archive of the same version is seen.
author: hoploom
options:
  name:
    description: Name of the program.
    type: str
    required: true
  version:
    description: Its version; part of the folder's name.
    type: str
    required: true
  url:
    description: Where the archive is (http, https or file); a zip with the program in it, or the program itself.
    type: str
    required: true
  sha256:
    description: What the archive's SHA-256 must be.
    type: str
    required: true
  root:
    description: Folder of all engines.
    type: path
    default: /opt/hoploom/engines
  link:
    description: The link that names the version in use.
    type: path
    required: true
  cache:
    description: Folder where an archive waits that was fetched before anything was changed.
    type: path
    default: /var/cache/hoploom
  fetch_only:
    description: Fetch the archive into the cache and check its sum, where the program is not installed; no more.
    type: bool
    default: false
"""

TIMEOUT_S = 60
_BLOCK = 1 << 20


class Refused(Exception):
    """Why the engine cannot be installed, for a person."""


def installed(folder: Path, name: str, sha256: str) -> bool:
    """Whether this program came from the archive with this sum."""
    note = folder / "archive.sha256"
    return (folder / name).exists() and note.exists() and note.read_text(encoding="ascii").strip() == sha256


def fetch(url: str, sha256: str, target: Path) -> None:
    """Write the archive to `target`; raises Refused when it cannot be had or is another one."""
    found = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, target.open("wb") as file:
            while block := answer.read(_BLOCK):
                found.update(block)
                file.write(block)
    except (urllib.error.URLError, OSError) as error:
        raise Refused(f"{url} cannot be fetched: {getattr(error, 'reason', error)}") from error
    if found.hexdigest() != sha256.lower():
        raise Refused(f"{url} has SHA-256 {found.hexdigest()} and must have {sha256}: it was changed, or the sum is "
                      "of another file; nothing of it was installed")


def stage(url: str, sha256: str, waiting: Path) -> None:
    """Fetch an archive for later; it is there when its sum is right, and not at all when not."""
    waiting.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    scratch = waiting.with_name(f".{waiting.name}.new")
    try:
        fetch(url, sha256, scratch)
        scratch.replace(waiting)
    finally:
        scratch.unlink(missing_ok=True)


def unpack(archive: Path, name: str, folder: Path) -> None:
    """Put the program of this archive into `folder`."""
    program = folder / name
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            if name not in packed.namelist():
                raise Refused(f"there is no {name} in the archive")
            with packed.open(name) as inside, program.open("wb") as file:
                shutil.copyfileobj(inside, file, _BLOCK)
    else:
        shutil.copyfile(archive, program)
    program.chmod(0o755)


@contextmanager
def beside(folder: Path) -> Iterator[Path]:
    """A new folder that becomes `folder` when all went well, and is gone when not."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        yield made
        made.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def install(url: str, sha256: str, name: str, folder: Path) -> None:
    """Fetch, check, unpack; the folder appears whole or not at all."""
    with beside(folder) as made:
        archive = made / "archive"
        fetch(url, sha256, archive)
        unpack(archive, name, made)
        archive.unlink()
        (made / "archive.sha256").write_text(f"{sha256}\n", encoding="ascii")


def relink(link: Path, program: Path) -> None:
    """Make `link` name this program, at no instant missing."""
    link.parent.mkdir(parents=True, exist_ok=True)
    scratch = link.with_name(f".{link.name}.new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(program)
    scratch.replace(link)


def bring(given: Mapping[str, Any], program: Path, *, is_there: bool, is_linked: bool) -> None:
    """Fetch the archive, or install the program and link it, where that is not done yet."""
    waiting = Path(given["cache"]) / f"{program.parent.name}.archive"
    if not is_there and given["fetch_only"]:
        stage(given["url"], given["sha256"], waiting)
    elif not is_there:
        url = waiting.as_uri() if waiting.exists() else given["url"]
        install(url, given["sha256"], given["name"], program.parent)
        waiting.unlink(missing_ok=True)
    if not is_linked and not given["fetch_only"]:
        relink(Path(given["link"]), program)


def main() -> None:
    """Ansible's entry point."""
    needed = {name: {"type": "str", "required": True} for name in ("name", "version", "url", "sha256")}
    spec = {
        **needed,
        "root": {"type": "path", "default": "/opt/hoploom/engines"},
        "link": {"type": "path", "required": True},
        "cache": {"type": "path", "default": "/var/cache/hoploom"},
        "fetch_only": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given = module.params
    folder = Path(given["root"]) / f"{given['name']}-{given['version']}"
    program, link = folder / given["name"], Path(given["link"])
    is_there = installed(folder, given["name"], given["sha256"])
    is_linked = link.is_symlink() and os.readlink(link) == str(program)
    try:
        if not module.check_mode:
            bring(given, program, is_there=is_there, is_linked=is_linked)
    except Refused as refused:
        module.fail_json(msg=f"{given['name']} {given['version']}: {refused}")
    except (OSError, zipfile.BadZipFile) as error:  # a full disk, most likely
        module.fail_json(msg=f"{given['name']} {given['version']} cannot be installed: {error}")
    before = os.readlink(link) if link.is_symlink() else "nothing"
    changed = not (is_there and is_linked)
    diff = {"before": f"{before}\n", "after": f"{program}\n"} if changed else {}
    module.exit_json(changed=changed, path=str(program), diff=diff)


if __name__ == "__main__":
    main()
