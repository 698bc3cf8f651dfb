"""The image that every host boots from: a small Debian, made once by debootstrap and kept.

It is the lower layer of the hosts' disks and never changes: another list of packages, or another finish, is another
image. A lab holds its image's lock, shared, while it lives; a maker holds it alone, and removes images that nobody
holds.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

RELEASE = "bookworm"
ARCHIVE = "http://deb.debian.org/debian"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "python3", "iproute2", "procps", "nftables"),
    *("ca-certificates", "libcap2-bin", "openssl", "curl", "unzip"),
)
_FINISH = """
set -e
cd "$1"
rm -rf var/cache/apt/* var/lib/apt/lists/* usr/share/doc usr/share/man usr/share/locale usr/share/info
rm -f etc/ssh/ssh_host_* etc/machine-id var/lib/dbus/machine-id etc/hostname
# A host of the lab has no terminal, is never upgraded and keeps its log in memory, where a busy disk cannot hold it up.
for unit in getty.target console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \\
    e2scrub_all.timer e2scrub_reap.service fstrim.timer motd-news.timer; do
    ln -sf /dev/null etc/systemd/system/$unit
done
# A container sees its control groups read-only; Nomad makes groups of its own for its tasks, as on any host.
cat > etc/systemd/system/lab-cgroups.service <<'UNIT'
[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for each in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$each" || :; done'
[Install]
WantedBy=sysinit.target
UNIT
chroot . systemctl enable lab-cgroups.service
mkdir -p etc/systemd/journald.conf.d etc/ssh/sshd_config.d root/.ssh
printf '[Journal]\\nStorage=volatile\\n' > etc/systemd/journald.conf.d/lab.conf
printf 'UseDNS no\\nPasswordAuthentication no\\n' > etc/ssh/sshd_config.d/lab.conf
chroot . useradd --create-home --shell /bin/bash admin
chroot . install -d -m 700 -o admin -g admin /home/admin/.ssh
echo 'admin ALL=(ALL) NOPASSWD: ALL' > etc/sudoers.d/admin
"""


def cache() -> Path:
    """Where images are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hoploom" / "lab"


class Image:
    """The image, held while this is open.

    Attributes:
        root: Its folder: the root of a file system.
    """

    def __init__(self) -> None:
        """Hold the image; make it first where there is none.

        Raises:
            RuntimeError: debootstrap failed; its last words.
        """
        recipe = "\n".join((RELEASE, *PACKAGES, _FINISH))
        name = f"image-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
        self.root = cache() / name
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(cache() / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._hold()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        os.close(self._lock)

    def _hold(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        while not self.root.exists():
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if not self.root.exists():
                _remove_unheld(besides=self.root)
                _make(self.root)
            fcntl.flock(self._lock, fcntl.LOCK_SH)


def _make(root: Path) -> None:
    part = root.with_name(f"{root.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(part), ARCHIVE]
    for each in (command, ["sh", "-c", _FINISH, "finish", str(part)]):
        made = subprocess.run(each, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"the image of the lab's hosts was not made: {made.stdout.strip()[-400:]}")
    part.rename(root)


def _remove_unheld(*, besides: Path) -> None:
    for lock in cache().glob("image-*.lock"):
        root = lock.with_suffix("")
        if root == besides:
            continue
        descriptor = os.open(lock, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(root, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
