"""What of a wheel belongs into the archive, and where."""

import re

LIBRARY = "lib"
# Only what no program of ours ever loads; licences and metadata stay.
_LEFT_OUT = (
    re.compile(r"(^|/)(tests|__pycache__|include)/"),
    re.compile(r"\.(pyi|pxd|pyx|[ahc]|pyc|exe)$"),
    re.compile(r"\.dist-info/(RECORD|INSTALLER|REQUESTED)$"),  # would be wrong: files are left out
    re.compile(r"^zstandard/_cffi\."),  # 11 MB; CPython takes the other backend
    re.compile(r"^apsw/sqlite_extra_binaries/"),  # SQLite's own programs
)
_DATA = re.compile(r"[^/]+\.data/(purelib|platlib)/(.+)")


def place(name: str) -> str | None:
    """Where a member of a wheel stands in the archive.

    Args:
        name: Its name in the wheel.

    Returns:
        Its path in the archive, or None where it is left out.

    Source: the binary distribution format, https://packaging.python.org/specifications/binary-distribution-format/.
    """
    if name.endswith("/") or name.startswith("/") or ".." in name.split("/"):
        return None
    if inside := _DATA.fullmatch(name):
        name = inside[2]
    elif ".data/" in name:  # scripts and headers: nobody calls them
        return None
    return None if any(each.search(name) for each in _LEFT_OUT) else f"{LIBRARY}/{name}"
