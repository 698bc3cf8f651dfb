#!/usr/bin/python
"""Packs a folder of results into one file: databases by SQLite's own backup, so nobody stops, the rest as it is."""

import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: results_copy
short_description: Copy a folder of results that is in use
description:
  - Each database is copied as it is at one moment.
author: hoploom
options:
  folder:
    description: The folder.
    type: path
    required: true
  archive:
    description: The file to write.
    type: path
    required: true
"""

_MERGED = "merged.db"
_SIDES = ("-wal", "-shm", "-journal")


def is_database(path: Path) -> bool:
    """Whether SQLite keeps this file."""
    return path.suffix == ".db"


def copied(path: Path, scratch: Path) -> Path:
    """A database as it is at one moment; raises sqlite3.Error where it is none."""
    target = scratch / "copy.db"
    target.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as source,
        closing(sqlite3.connect(target)) as made,
    ):
        source.backup(made, pages=4096)
    owner = path.stat()
    os.chown(target, owner.st_uid, owner.st_gid)
    target.chmod(owner.st_mode & 0o777)
    return target


def files_of(folder: Path) -> list[Path]:
    """All files: stores, then data sets, which have what stores may drop meanwhile, then Parquet.

    What SQLite keeps beside its files is in their copies.
    """
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
             and not path.name.endswith(_SIDES) and path.name != "owner.lock"]
    return sorted(found, key=lambda path: (not is_database(path), path.name == _MERGED, str(path)))


def added(path: Path, folder: Path, scratch: Path, packed: tarfile.TarFile) -> bool:
    """Put a file into the archive; False where it is gone meanwhile."""
    try:
        source = copied(path, scratch) if is_database(path) else path
        packed.add(source, arcname=str(path.relative_to(folder)), recursive=False)
    except FileNotFoundError:
        return False
    except sqlite3.OperationalError:
        if path.exists():
            raise
        return False
    return True


def pack(folder: Path, archive: Path) -> int:
    """Write the archive, which belongs to whom its folder belongs to; the number of files in it."""
    count, seen = 0, set[Path]()
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch, tarfile.open(archive, "w") as packed:
        # A store closes a file into one of another name while others are copied: so they are looked for again.
        while new := [path for path in files_of(folder) if path not in seen and (not seen or is_database(path))]:
            seen.update(new)
            count += sum(added(path, folder, Path(scratch), packed) for path in new)
    owner = archive.parent.stat()
    os.chown(archive, owner.st_uid, owner.st_gid)
    return count


def main() -> None:
    """Ansible's entry point."""
    spec = {"folder": {"type": "path", "required": True}, "archive": {"type": "path", "required": True}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    folder, archive = Path(module.params["folder"]), Path(module.params["archive"])
    if module.check_mode or not folder.is_dir():
        module.exit_json(changed=False, files=0)
    os.umask(0o077)
    try:
        module.exit_json(changed=False, files=pack(folder, archive))
    except (OSError, sqlite3.Error) as error:
        archive.unlink(missing_ok=True)
        module.fail_json(msg=f"{folder} cannot be copied: {error}")


if __name__ == "__main__":
    main()
