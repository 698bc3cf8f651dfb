"""Processes that write one file of users: each raises the number of changes of one user, again and again.

`python user_writers.py FILE NAME COUNT` writes so often (0: until it is killed), and says each number once it is on
disk.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hoploom.manager.people.users import User
from hoploom.manager.people.users_file import UsersFile


def writer(file: Path, name: str, count: int) -> "subprocess.Popen[str]":
    """Start one; its first line comes when its first write is done."""
    command = [sys.executable, __file__, str(file), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def plus_one(user: User | None) -> User | None:
    """One change more."""
    return replace(user, changed=user.changed + 1) if user else None


def _write(path: str, name: str, count: str) -> None:
    file, left = UsersFile(Path(path)), int(count)
    while True:
        found = file.change(name, plus_one)
        print(found.changed if found else -1, flush=True)
        left -= 1
        if left == 0:
            return


if __name__ == "__main__":
    _write(*sys.argv[1:])
