"""The image that every host boots from: a small Debian, made once by debootstrap and kept.

It is the lower layer of the hosts' disks and never changes: another list of packages, or another finish, is another
image. It takes a minute of one processor and 165 MB of disk.
"""

import hashlib
import subprocess
from pathlib import Path

from lab.hosts.kept import Kept

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


def image() -> Kept:
    """The image, held; its folder is the root of a file system.

    Raises:
        RuntimeError: debootstrap failed; its last words.
    """
    recipe = "\n".join((RELEASE, *PACKAGES, _FINISH))
    return Kept(f"image-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}", _make)


def _make(root: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(root), ARCHIVE]
    for each in (command, ["sh", "-c", _FINISH, "finish", str(root)]):
        made = subprocess.run(each, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"the image of the lab's hosts was not made: {made.stdout.strip()[-400:]}")
