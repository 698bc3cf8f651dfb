"""What `hoploom route audit` says and how it ends."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoploom.cli.main import main
from unit.cli.routes.engines_made import FakeEngines, engines_made

GOOD = {"ChecksRequired": "all", "RequireConsistent": False, "AllowStale": True, "Token": ""}
ROUTE = {"service": "shop", "src": "/shop", "dst": "http://127.0.0.1:7/", "host": "", "path": "/shop"}


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeEngines]:
    """Engines in a thread of their own: the command has its own event loop."""
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path))
    started, ended, made = threading.Event(), asyncio.Event(), list[FakeEngines]()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with engines_made() as running:
            made.append(running)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    started.wait(10)
    good = made[0]
    good.add("shop", port=7, tags=("urlprefix-/shop",))
    good.routes = [ROUTE]
    good.config["Registry"]["Consul"] |= GOOD
    good.config["UI"] = {"Access": "ro", "Listen": {"Addr": "127.0.0.1:9998"}}
    second = 1_000_000_000
    good.config["Proxy"] |= {
        "DialTimeout": 2 * second, "NoRouteStatus": 503, "ShutdownWait": 18 * second, "DeregisterGracePeriod": second,
    }  # fmt: skip
    good.config["Registry"]["Consul"] |= {"PollInterval": second // 2, "ServiceMonitors": 16}
    good.config["Metrics"]["Target"] = "prometheus"
    good.config["Runtime"]["GOGC"] = 800
    good.config["GlobMatchingDisabled"] = True
    yield good
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


def audit(engines: FakeEngines, *words: str) -> int:
    return main(["route", "audit", "--consul", engines.url, "--fabio-admin", engines.url, "--settle", "0.01", *words])


def test_where_nothing_is_wrong_it_says_so_and_ends_well(
    engines: FakeEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(engines) == 0
    said = capsys.readouterr().out
    assert "nothing is wrong with what was looked at" in said
    assert "1 service with routes, 1 instance" in said
    assert engines.methods == {"GET"}


def test_advice_alone_fails_no_audit(engines: FakeEngines, capsys: pytest.CaptureFixture[str]) -> None:
    engines.config["Runtime"]["GOGC"] = 100
    assert audit(engines) == 0
    assert "garbage-collection" in capsys.readouterr().out


def test_a_finding_is_said_with_its_cure_and_fails(
    engines: FakeEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.routes = []
    assert audit(engines) == 1
    said = capsys.readouterr().out
    assert "missing" in said
    assert "-> " in said
    assert "1 error" in said


def test_as_one_document_it_has_the_same(engines: FakeEngines, capsys: pytest.CaptureFixture[str]) -> None:
    engines.config["Proxy"]["DialTimeout"] = 30_000_000_000
    assert audit(engines, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["v"], document["state"], document["not_looked_at"]) == (1, "findings", [])
    assert [(each["kind"], each["severity"]) for each in document["findings"]] == [("dial-timeout", "warning")]
    assert set(document["findings"][0]) == {"kind", "severity", "router", "subject", "problem", "cure"}


def test_another_prefix_is_looked_at_where_no_fabio_says_its_own(
    engines: FakeEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.add("pool", tags=("internal-/x colour=red",))
    engines.has_pages = False
    words = ["route", "audit", "--consul", engines.url, "--settle", "0", "--prefix", "internal-"]
    assert main(words) == 1
    assert "colour" in capsys.readouterr().out


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_password_in_an_address_is_shown_to_nobody(
    engines: FakeEngines, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    engines.has_pages = False
    url = engines.url.replace("://", "://anna:secret@")
    for words in (("--fabio-admin", url), ("--fabio-admin", "http://anna:secret@127.0.0.1:1"), ("--fabio", url)):
        main(["route", "audit", "--settle", "0", *words, *more])
    found = capsys.readouterr()
    assert "127.0.0.1" in found.out
    assert "secret" not in found.out + found.err


@pytest.mark.parametrize("words", [("--settle", "-1"), ("--settle", "nan"), ("--settle", "x")])
def test_a_wrong_time_is_wrong_use(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["route", "audit", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert "settle" in capsys.readouterr().err
