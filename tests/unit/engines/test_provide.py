"""How an engine is had: PATH, the cache, a checked download, a build; from a local server, never the vendors."""

import dataclasses
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hoploom import engines
from hoploom.engines.pins import Pin, Span
from hoploom.engines.site import MIRROR, Site
from hoploom.kit.errors import ConfigError

NAME, VERSION = "consul", "1.22.7"


def archive(script: str = f"#!/bin/sh\necho 'Consul v{VERSION}'\n") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(NAME, script)
    return packed.getvalue()


GOOD = archive()


class Vendor:
    """A server that answers every request with what the test chose."""

    def __init__(self) -> None:
        self.body, self.cut, self.asked = GOOD, 0, 0
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vendor.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(vendor.body)))
                self.end_headers()
                self.wfile.write(vendor.body[: len(vendor.body) - vendor.cut])

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    vendor.thread.start()
    try:
        yield vendor
    finally:
        vendor.server.shutdown()
        vendor.server.server_close()
        vendor.thread.join()


def nowhere() -> Path:
    raise ConfigError("no modules here")


@pytest.fixture
def site(tmp_path: Path, vendor: Vendor) -> Site:
    pin = Pin(
        name=NAME, version=VERSION, accepts=(Span((1, 22, 0), (1, 23, 0)),), asked_with="version",
        url="https://vendor.invalid/consul_1.22.7_{os}_{arch}.zip",
        sha256={"linux_amd64": hashlib.sha256(GOOD).hexdigest()},
    )
    environ = {"PATH": "/bin:/usr/bin", MIRROR: vendor.url}
    return Site(tmp_path / "cache", "linux_amd64", environ, {NAME: pin}, nowhere)


def ensure(site: Site) -> tuple[engines.Engine, list[str]]:
    said: list[str] = []
    return engines.ensure([NAME], report=said.append, site=site)[NAME], said


def kept(site: Site) -> list[str]:
    return sorted(path.name for path in site.cache.rglob("*") if path.is_file() and not path.name.endswith(".lock"))


def test_a_good_download_is_used_and_the_cache_serves_the_next_start(site: Site, vendor: Vendor) -> None:
    engine, _ = ensure(site)
    assert (engine.way, engine.version, engine.path) == ("download", VERSION, site.executable(site.pins[NAME]))
    assert ensure(site)[0].way == "cache"
    assert vendor.asked == 1


BAD = [
    ("another content", archive("#!/bin/sh\necho evil\n"), 0, "another SHA-256"),
    ("a cut answer", GOOD, 5, "broke off"),
    ("no archive", b"<html>blocked</html>", 0, "another SHA-256"),
]


@pytest.mark.parametrize(("body", "cut", "reason"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_download_that_is_not_what_the_pin_says_is_never_used(
    site: Site, vendor: Vendor, body: bytes, cut: int, reason: str
) -> None:
    vendor.body, vendor.cut = body, cut
    with pytest.raises(ConfigError) as refused:
        ensure(site)
    assert reason in str(refused.value)
    assert "Three ways out" in str(refused.value)
    assert kept(site) == []
    vendor.body, vendor.cut = GOOD, 0
    assert ensure(site)[0].way == "download"


def test_a_mirror_may_be_a_folder(site: Site, tmp_path: Path, vendor: Vendor) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "consul_1.22.7_linux_amd64.zip").write_bytes(GOOD)
    away = dataclasses.replace(site, environ={**site.environ, MIRROR: str(folder)})
    assert ensure(away)[0].way == "download"
    assert vendor.asked == 0


def executable(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'Consul v{version}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_good_one_on_path_is_taken_and_another_version_is_named_and_passed_over(site: Site, tmp_path: Path) -> None:
    executable(tmp_path / "old" / NAME, "1.19.0")
    good = executable(tmp_path / "good" / NAME, "1.22.9")
    path = f"{tmp_path / 'old'}:{tmp_path / 'good'}:/bin:/usr/bin"
    both = dataclasses.replace(site, environ={**site.environ, "PATH": path})
    assert ensure(both)[0] == engines.Engine(NAME, "1.22.9", good, "PATH")
    only_old = dataclasses.replace(site, environ={**site.environ, "PATH": f"{tmp_path / 'old'}:/bin:/usr/bin"})
    engine, said = ensure(only_old)
    assert engine.way == "download"
    assert any("1.19.0, wanted is 1.22.x" in line for line in said)


@pytest.mark.parametrize("tamper", ["content", "record"])
def test_a_cached_engine_that_was_changed_is_made_again(site: Site, vendor: Vendor, tamper: str) -> None:
    engine, _ = ensure(site)
    if tamper == "content":
        executable(engine.path, "1.22.7-evil")
    else:
        engine.path.with_name(f"{NAME}.json").unlink()
    again, said = ensure(site)
    assert again.way == "download"
    assert vendor.asked == 2
    assert any("was changed after" in line or "no record" in line for line in said)


def test_two_starts_at_once_fetch_once(site: Site, vendor: Vendor) -> None:
    ways: list[str] = []
    starts = [threading.Thread(target=lambda: ways.append(ensure(site)[0].way)) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert sorted(ways) in (["cache", "download"], ["cache", "cache"])
    assert vendor.asked == 1


def test_looking_makes_nothing(site: Site, vendor: Vendor) -> None:
    assert [each.engine for each in engines.found([NAME], site=site)] == [None]
    assert (vendor.asked, kept(site)) == (0, [])


def test_an_unknown_engine_is_named(site: Site) -> None:
    with pytest.raises(ConfigError, match="no such engine: vault"):
        engines.ensure(["vault"], report=lambda line: None, site=site)


def test_the_pins_that_ship_name_a_sum_for_every_archive() -> None:
    for series in (1, 2):
        found = engines.found(series=series)
        assert [each.name for each in found] == ["consul", "nomad", "fabio"]
