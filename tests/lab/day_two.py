"""`python3 tests lab day-two`: three hosts live through what hosts live through, while people go on asking.

A backup; hoploom in the next version, one host at a time; a host that leaves and one that comes; a restore.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hoploom.archive.making import Wanted, make
from lab.hosts import Host, Lab, Played
from lab.site import EVERY, SERVERS, Site, prepare, sums, write_variables

NEXT = "0.1.1.dev1"
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
        self._site, self._address = site, address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answered, self.failed = 0, list[str]()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            for path in ("/", "/api/v1/campaigns"):
                try:
                    status, body, _ = self._site.lab.call("GET", f"http://{self._address}:9999{path}")
                except OSError as error:
                    self.failed.append(f"{path}: {error}")
                    continue
                if status == 200:
                    self.answered += 1
                else:
                    self.failed.append(f"{path}: {status} {body[:80]!r}")

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


def main(words: Sequence[str]) -> int:
    """Live through it; returns the exit code."""
    del words
    with Lab(HOSTS) as lab:
        site = prepare(lab)
        return _live(site, lab.folder / "backup")


def _live(site: Site, folder: Path) -> int:
    backup = ("-e", f"backup_dir={folder}")
    if not _step("site.yml", lambda: site.play("site.yml")):
        return 1
    asking = Asking(site, site.lab.seats["a1"].address)
    with asking.going_on():
        done = (
            _step("backup.yml", lambda: site.play("backup.yml", *backup))
            and _step(f"upgrade.yml to {NEXT}", upgraded(site))
            and _step("remove.yml of a3", lambda: site.play("remove.yml", *GO))
        )
    print(f"meanwhile: {asking.answered} answers, {len(asking.failed)} failures {asking.failed[:3]}", flush=True)
    left = site.lab.ssh("a3", f"{LEFT} 2>/dev/null").out.split()
    print(f"left on a3: {left}", flush=True)
    if not done or left or asking.failed or asking.answered == 0:
        return 1
    good = _step("site.yml with a3 again", lambda: site.play("site.yml")) and _step(
        "restore.yml", lambda: site.play("restore.yml", *backup)
    )
    return 0 if good else 1


def _step(name: str, play: Callable[[], Played]) -> bool:
    began = time.monotonic()
    played = play()
    print(f"{name}: {time.monotonic() - began:.0f} s, rc {played.rc}", flush=True)
    if played.rc:
        print(played.output, flush=True)
    return played.rc == 0
