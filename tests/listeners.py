"""Who listens where: tests end a service of theirs by its port."""

from pathlib import Path


def listener(port: int) -> int:
    """Process id of whoever listens on a port of 127.0.0.1, by its socket's inode."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            wanted = f"socket:[{fields[9]}]"
            for link in Path("/proc").glob("[0-9]*/fd/*"):
                try:
                    if str(link.readlink()) == wanted:
                        return int(link.parts[2])
                except OSError:
                    continue
    raise AssertionError(f"nobody listens on port {port}")
