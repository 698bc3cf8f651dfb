"""One host: its disk, and the container that boots from it."""

import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path

from lab.hosts.cgroups import Groups
from lab.hosts.keeper import Keeper, child

# The mount ends with the container, as it is in a namespace of its own. The containers that Nomad's exec driver makes
# inside have keyrings of their own and, with cgroup v2, limit devices by BPF; artifacts are fetched behind Landlock.
# A host rules its own network, packet filter and net.* settings; the kernel's others are this machine's too.
_BOOT = """
set -e
name=$1 disk=$2 image=$3
mount -t overlay overlay -o "lowerdir=$image,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn --quiet --boot --register=no --keep-unit --network-namespace-path="/run/netns/$name" \\
    --machine="$name" --directory="$disk/root" --console=pipe --resolv-conf=off --timezone=off --link-journal=no \\
    --capability=CAP_NET_ADMIN --system-call-filter="@keyring @sandbox bpf"
"""


class Machine:
    """A host that can be booted, lose its power, and be booted again.

    Attributes:
        name: Its name.
        console: File with what it wrote on its console, in all its lives.
    """

    def __init__(self, name: str, folder: Path, image: Path) -> None:
        """Make its disk, an empty layer over the image.

        Args:
            name: Its name, and that of its network namespace.
            folder: Where its disk shall be; need not exist.
            image: Root of the file system below.
        """
        self.name, self.console = name, folder / "console.log"
        self._folder, self._image = folder, image
        self._process: subprocess.Popen[bytes] | None = None
        for part in ("upper", "work", "root"):
            (folder / part).mkdir(parents=True)
        self.write("etc/machine-id", uuid.uuid4().hex + "\n")
        self.write("etc/hostname", name + "\n")

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """Put a file onto its disk before it boots; the path has no leading slash."""
        file = self._folder / "upper" / path
        for folder in reversed(file.relative_to(self._folder / "upper").parents[:-1]):
            self._folder_as_below(folder)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        below = (self._image / path).parent
        owner = below.stat() if below.is_dir() else None
        if owner is not None:
            os.chown(file, owner.st_uid, owner.st_gid)

    def start(self, keeper: Keeper, groups: Groups) -> None:
        """Switch it on; it answers some seconds later."""
        command = ["sh", "-c", _BOOT, "boot", self.name, str(self._folder), str(self._image)]
        inside = groups.entering(self.name)
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                [*keeper.enter, "unshare", "--mount", *inside, *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def power_off(self) -> None:
        """End it as a power cut does: no process of it runs another instruction."""
        if self._process is None:
            return
        os.kill(self._init(), signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Wait for its end, where something else has ended it."""
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _init(self) -> int:
        assert self._process is not None
        return child(child(self._process.pid))

    def _folder_as_below(self, path: Path) -> None:
        """A folder of the upper layer hides owner and mode of the image's, so it has to have the same."""
        ours, below = self._folder / "upper" / path, self._image / path
        if not ours.exists():
            ours.mkdir()
            if below.is_dir():
                shutil.copystat(below, ours)
                os.chown(ours, below.stat().st_uid, below.stat().st_gid)
