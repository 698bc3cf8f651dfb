"""The Debian packages that the wider tests need, and how they come onto this machine."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """A Debian package, a command that it brings, and what needs it."""

    name: str
    command: str
    why: str


PACKAGES = (
    Package("prometheus", "promtool", "the metrics pages are checked by promtool"),
    Package("prometheus-alertmanager", "amtool", "alerts are sent and its configuration is checked"),
    Package("prometheus-node-exporter", "prometheus-node-exporter", "alerts on hosts name its metrics"),
    Package("prometheus-exporter-exporter", "prometheus-exporter-exporter", "the agents' metrics are read through it"),
    Package("rsyslog", "rsyslogd", "logs are sent by it"),
    Package("chromium", "chromium", "the manager's page is looked at in a browser"),
    Package("iproute2", "ip", "tests in network namespaces"),
    Package("fping", "fping", "`hoploom ping` is compared with it"),
    Package("scamper", "scamper", "traceroutes are compared with its"),
    Package("sqlite3", "sqlite3", "files of results are merged with its shell, as the guide says"),
    Package("traceroute", "traceroute", "it walks the lab's own internet"),
    Package("debootstrap", "debootstrap", "it makes the disk of the lab's hosts"),
    Package("systemd-container", "systemd-nspawn", "it boots the lab's hosts"),
    Package("wrk", "wrk", "it loads the routers in `hoploom bench route`"),
    Package("haproxy", "haproxy", "`hoploom bench route` compares Fabio with it"),
    Package("nginx-light", "nginx", "`hoploom bench route` has it behind the routers"),
    Package("nftables", "nft", "the rules of the router between the lab's datacenters"),
    Package("openssh-client", "ssh", "Ansible reaches the lab's hosts by it"),
)


def missing() -> list[Package]:
    """Packages whose command is not there."""
    return [package for package in PACKAGES if shutil.which(package.command) is None]


def provide(*, may_install: bool) -> None:
    """Install what is missing where we may; else say what would be needed."""
    wanted = missing()
    if not wanted:
        return
    names = " ".join(package.name for package in wanted)
    for package in wanted:
        print(f"needs {package.name}: {package.why}", flush=True)
    if may_install and os.geteuid() == 0 and shutil.which("apt-get"):
        _install([package.name for package in wanted])
    else:
        print(f"not installed here; `sudo apt-get install {names}` would bring them", flush=True)


def _install(names: list[str]) -> None:
    print(f"installing {' '.join(names)} with apt-get ...", flush=True)
    # Debian's prometheus would start its server; a policy of our own keeps services from starting meanwhile.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        policy.chmod(0o755)
    try:
        with tempfile.TemporaryFile() as log:
            for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *names]):
                environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
                if subprocess.run(command, stdout=log, stderr=log, env=environ, check=False).returncode:
                    log.seek(0)
                    tail = log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
                    print(f"apt-get failed: {tail[0] if tail else 'no reason given'}", file=sys.stderr, flush=True)
                    return
    finally:
        if ours:
            policy.unlink(missing_ok=True)
