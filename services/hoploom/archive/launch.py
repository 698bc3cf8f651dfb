"""Runs on the host, before anything else: sees whether this Python serves, then does what Python itself would do.

Called by `bin/python` of an archive as `python3 -I -S launch.py 3.11 x86_64 [-m MODULE | -c CODE | FILE] ...`: isolated
from the packages, the environment and the user's folders of the machine. Only the standard library, and syntax that
older Pythons than the wanted one read, because they have to say their sentence too.
"""

import importlib.machinery
import importlib.util
import os
import runpy
import signal
import sys
import types

USAGE = 2
# Some of what Debian's python3-minimal leaves out, and everything here needs.
_PARTS = ("asyncio", "ctypes", "sqlite3", "ssl")


def main(argv: "list[str]") -> None:
    """Check this Python, find lib/ beside bin/, and run.

    Args:
        argv: The wanted Python and machine, then what Python is told: `-m`, `-c`, a file, and arguments.
    """
    if os.getpid() == 1:
        # Nomad makes an isolated task the first process of a namespace, which hears no signal that it does not handle:
        # who is stopped before it is up would be waited for, and killed after 30 s.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    missing = lacks(argv[0], argv[1])
    if missing:
        sys.stderr.write(f"hoploom: {missing}\n")
        sys.exit(USAGE)
    release = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    sys.path.append(os.path.join(release, "lib"))
    sys.executable = os.path.join(release, "bin", "python")  # children find the same packages
    run(argv[2:])


def lacks(python: str, arch: str) -> str:
    """What this Python lacks to run the archive, in one sentence; empty where it serves.

    Args:
        python: Version that the packages were built for: `3.11`.
        arch: Machine that they were built for.
    """
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if here != python:
        serves = sys.version_info >= (3, 11)
        way = f"`hoploom build --python {here}` makes one for it" if serves else f"install python{python}"
        return f"this archive is for Python {python}, and {sys.executable} is {here}: {way}"
    if sys.maxsize < 2**32:
        return "this Python is a 32-bit one, and numpy and others exist for 64 bits alone: install a 64-bit system"
    if f".cpython-{python.replace('.', '')}-{arch}-linux-gnu.so" not in importlib.machinery.EXTENSION_SUFFIXES:
        here = importlib.machinery.EXTENSION_SUFFIXES[0].split(".")[1]
        return f"this archive is for {arch} with glibc, and this Python is {here}: `hoploom build --arch` makes others"
    absent = [part for part in _PARTS if importlib.util.find_spec(part) is None]
    if absent:
        return f"{sys.executable} comes without {', '.join(absent)}: `apt install python3` brings the whole library"
    return ""


def run(words: "list[str]") -> None:
    """Do what Python does with these words of its command line."""
    first = words[0] if words else ""
    if first.startswith("-m"):
        module, rest = (first[2:], words[1:]) if first != "-m" else (words[1], words[2:])
        sys.argv = [module, *rest]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    elif first.startswith("-c"):
        code, rest = (first[2:], words[1:]) if first != "-c" else (words[1], words[2:])
        sys.argv = ["-c", *rest]
        _run_code(code, "<string>")
    elif first in ("", "-"):
        sys.argv = words or [""]
        _run_code(sys.stdin.read(), "<stdin>")
    else:
        sys.argv = words
        sys.path.insert(0, os.path.dirname(os.path.abspath(first)))
        runpy.run_path(first, run_name="__main__")


def _run_code(code: str, name: str) -> None:
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(code, name, "exec"), module.__dict__)


if __name__ == "__main__":
    main(sys.argv[1:])
