"""Debian packages that the lab's hosts can install: a flat repository with what is needed besides the image's packages.

apt itself chooses them, in a root like that of the hosts but outside of the lab.
"""

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

from lab.hosts.image import ARCHIVE, RELEASE
from lab.hosts.kept import Kept

PLACE = "debian"
"""Its folder on the mirror."""
# The root and what apt writes there end with the mount namespace; only the packages are copied out.
_FETCH = """
set -e
image=$1 part=$2 source=$3
shift 3
mkdir -p "$part/root"
mount -t tmpfs tmpfs "$part/root"
mkdir "$part/root/upper" "$part/root/work" "$part/root/merged"
mount -t overlay overlay -o "lowerdir=$image,upperdir=$part/root/upper,workdir=$part/root/work" "$part/root/merged"
cd "$part/root/merged"
cp -L /etc/resolv.conf etc/resolv.conf
cp -L /etc/hosts etc/hosts
echo "$source" > etc/apt/sources.list
mount -t tmpfs tmpfs var/cache/apt
chroot . apt-get -q update
chroot . apt-get -q install -y --download-only --no-install-recommends "$@"
cp var/cache/apt/archives/*.deb "$part/"
"""


def source(mirror: str) -> str:
    """The line of sources.list for a mirror; its packages are what the run itself fetched."""
    return f"deb [trusted=yes] {mirror}/{PLACE} ./\n"


def repository(image: Path, names: Iterable[str]) -> Kept:
    """The repository with these packages, held.

    Args:
        image: Root of the hosts' image.
        names: The packages.

    Raises:
        RuntimeError: they could not be had; apt's last words.
    """
    wanted = sorted(names)
    key = hashlib.sha256("\n".join((image.name, *wanted)).encode()).hexdigest()[:12]
    return Kept(f"packages-{key}", lambda part: _make(part, image, wanted))


def _make(part: Path, image: Path, names: list[str]) -> None:
    part.mkdir()
    origin = f"deb {ARCHIVE} {RELEASE} main"
    fetch = ["unshare", "--mount", "sh", "-c", _FETCH, "fetch", str(image), str(part), origin, *names]
    done = subprocess.run(fetch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(names)} could not be fetched from Debian: {done.stdout.strip()[-400:]}")
    (part / "root").rmdir()
    listed = "\n".join(_entry(path) for path in sorted(part.glob("*.deb")))
    (part / "Packages").write_text(listed, encoding="utf-8")


def _entry(path: Path) -> str:
    """What a repository's index says of a package: its own control file, and where it is.

    Source: wiki.debian.org/DebianRepository/Format, "Packages" indices.
    """
    control = subprocess.run(["dpkg-deb", "--field", str(path)], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{control}Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n"
