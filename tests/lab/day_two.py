"""`python3 tests lab day-two`: three hosts live through what hosts live through, while people go on asking.

A backup; hoploom in the next version, one host at a time; a host that leaves and one that comes; a restore; other
gossip keys; another version of an engine.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hoploom.archive.making import Wanted, make
from lab.hosts import Host, Lab, Played
from lab.site import EVERY, SERVERS, Site, prepare, sums, write_variables

NEXT = "0.1.1.dev1"
# The same program under another number: what is rehearsed is the way, not what a version brings.
CONSUL, NEXT_CONSUL = "1.22.7", "1.22.8"
HOSTS = tuple(Host(name, groups=(*SERVERS, *EVERY)) for name in ("a1", "a2", "a3"))
LEFT = "ls -d /etc/consul.d /etc/nomad.d /etc/fabio /etc/hoploom /opt/hoploom /var/lib/hoploom /var/lib/nomad"
GO = ("-e", "remove=a3", "-e", "remove_results=true")


class Asking:
    """Somebody who asks a host's Fabio for the manager's page and for the campaigns, over and over.

    Attributes:
        answered: How often the answer was good.
        failed: What else came.
    """

    def __init__(self, site: Site, address: str) -> None:
        """Ask this address."""
        self._site, self._address, self._bearer = site, address, site.bearer()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answered, self.failed = 0, list[str]()
        self._began_s = time.monotonic()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            for path in ("/", "/api/v1/campaigns"):
                try:
                    url = f"http://{self._address}:9999{path}"
                    status, body, _ = self._site.lab.call("GET", url, headers=self._bearer)
                except OSError as error:
                    self._fail(f"{path}: {error}")
                    continue
                if status == 200:
                    self.answered += 1
                else:
                    self._fail(f"{path}: {status} {body[:80]!r}")

    def _fail(self, what: str) -> None:
        self.failed.append(f"after {time.monotonic() - self._began_s:.0f} s {what}")

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Ask all the time meanwhile."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()


def upgraded(site: Site) -> Callable[[], Played]:
    """The mesh in the next version; the archive is made before."""
    archive = make(Wanted(version=NEXT), site.lab.mirror_folder).path
    write_variables(site.lab, "site_next", {"hoploom_version": NEXT, "hoploom_mirror_sha256": sums(site.lab)})
    assert archive.exists()
    return lambda: site.play("upgrade.yml")


def rekeyed(site: Site) -> Callable[[], Played]:
    """All agents with other gossip keys; those of the Vault file are forgotten before."""
    vault, plain = site.lab.inventory / "group_vars/all/vault.yml", site.lab.folder / "vault.txt"
    known = _vault(site, "view", str(vault))
    plain.write_text("".join(f"{line}\n" for line in known.splitlines() if "gossip_key" not in line), encoding="utf-8")
    _vault(site, "encrypt", "--output", str(vault), str(plain))
    plain.unlink()
    made = site.play("secrets.yml", "-e", f"secrets_password_file={site.password}")
    assert made.rc == 0, made.output
    return lambda: site.play("rotate.yml")


def _vault(site: Site, *words: str) -> str:
    command = Path(sys.executable).with_name("ansible-vault")
    secret = ("--vault-password-file", str(site.password))
    ran = subprocess.run([command, words[0], *secret, *words[1:]], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def with_next_consul(site: Site) -> Callable[[], Played]:
    """Consul in the next version."""
    folder = site.lab.mirror_folder
    shutil.copy(folder / f"consul_{CONSUL}_linux_amd64.zip", folder / f"consul_{NEXT_CONSUL}_linux_amd64.zip")
    known = {"hoploom_version": NEXT, "hoploom_mirror_sha256": sums(site.lab)}
    write_variables(site.lab, "site_next", {**known, "consul_version": NEXT_CONSUL})
    return lambda: site.play("upgrade.yml")


def main(words: Sequence[str]) -> int:
    """Live through it; returns the exit code."""
    del words
    with Lab(HOSTS) as lab:
        site = prepare(lab)
        return _live(site, lab.folder / "backup")


def _live(site: Site, folder: Path) -> int:
    backup = ("-e", f"backup_dir={folder}")
    good = (
        _step("site.yml", lambda: site.play("site.yml"))
        and _asked(site, lambda: (
            _step("backup.yml", lambda: site.play("backup.yml", *backup))
            and _step(f"upgrade.yml to {NEXT}", upgraded(site))
            and _step("remove.yml of a3", lambda: site.play("remove.yml", *GO))
        ))
        and _nothing_left(site)
        and _step("site.yml with a3 again", lambda: site.play("site.yml"))
        and _step("restore.yml", lambda: site.play("restore.yml", *backup))
        and _asked(site, lambda: (
            _step("rotate.yml", rekeyed(site))
            and _step("site.yml with other keys", lambda: site.play("site.yml"))
            and _step(f"upgrade.yml to Consul {NEXT_CONSUL}", with_next_consul(site))
        ))
    )
    return 0 if good else 1


def _asked(site: Site, steps: Callable[[], bool]) -> bool:
    """Whether the steps went well, and whoever asked meanwhile was answered."""
    asking = Asking(site, site.lab.seats["a1"].address)
    with asking.going_on():
        good = steps()
    print(f"meanwhile: {asking.answered} answers, {len(asking.failed)} failures {asking.failed[:3]}", flush=True)
    return good and asking.answered > 0 and not asking.failed


def _nothing_left(site: Site) -> bool:
    left = site.lab.ssh("a3", f"{LEFT} 2>/dev/null").out.split()
    print(f"left on a3: {left}", flush=True)
    return not left


def _step(name: str, play: Callable[[], Played]) -> bool:
    began = time.monotonic()
    played = play()
    print(f"{name}: {time.monotonic() - began:.0f} s, rc {played.rc}", flush=True)
    if played.rc:
        print(played.output, flush=True)
    return played.rc == 0
