"""How many connections one process may keep, and how those spread out that have to come back at once."""

import resource

SPARE_FILES = 512
"""Files that a manager needs beside: its other connections, and what it opens in a moment."""

MAX_CONNECTIONS = 50_000
"""Where an account may have any number of files: so many are told something in half a second."""

RETURNS_PER_S = 2_000.0
"""So many who were sent away may come back to one instance in a second; it takes four times as many (`hoploom bench
push`), and has other things to do."""

SHORTEST_RETRY_S = 1.0


def raise_limit() -> None:
    """Allow this process as many open files as its account may have; the usual 1,024 are for other programs."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_connections() -> int:
    """How many connections this process may keep: more would leave no file for anybody else."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, max(0, files - SPARE_FILES))


def retry_s(count: int) -> float:
    """Seconds over which so many who are sent away at once spread their return, each at a moment of its own."""
    return max(SHORTEST_RETRY_S, count / RETURNS_PER_S)
