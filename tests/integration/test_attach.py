"""A mesh among strangers: it joins their Consul, Nomad and Fabio, and leaves all of theirs as it was."""

import contextlib
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hoploom import engines
from load import Load
from local_cli import HOPLOOM, Cli
from strangers import Strangers
from waiting import until

OURS = ("hoploom/", "hoploom-")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strangers]:
    paths = {name: made.path for name, made in engines.ensure(engines.NAMES, report=print).items()}
    theirs = Strangers(paths, tmp_path_factory.mktemp("strangers"))
    try:
        theirs.start()
        yield theirs
    finally:
        theirs.stop()


@pytest.fixture(scope="module")
def at_first(strangers: Strangers) -> dict[str, Any]:
    """All of theirs before anybody joined them."""
    return strangers.dump()


@pytest.fixture
def before(strangers: Strangers, at_first: dict[str, Any]) -> dict[str, Any]:
    """The same, once nothing is left of the test before."""
    assert as_before(strangers, at_first)
    return at_first


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    cli = Cli(tmp_path / "state")
    yield cli
    cli.run("down", "--purge")


@pytest.fixture
def tokens(strangers: Strangers, before: dict[str, Any], tmp_path: Path) -> Iterator[dict[str, str]]:
    """Tokens of the printed policies, for the prefix loom2."""
    printed = Cli(tmp_path / "none").good("up", "--attach", "--print-policy", "--prefix", "loom2")
    consul, _, nomad = printed.partition("\n# Nomad")
    policy = strangers.ask_consul("PUT", "/v1/acl/policy", {"Name": "loom2-up", "Rules": consul})
    token = strangers.ask_consul("PUT", "/v1/acl/token", {"Policies": [{"Name": "loom2-up"}]})
    strangers.ask_nomad("POST", "/v1/acl/policy/loom2-up", {"Name": "loom2-up", "Rules": f"# Nomad{nomad}"})
    given = strangers.ask_nomad("POST", "/v1/acl/token", {"Name": "x", "Type": "client", "Policies": ["loom2-up"]})
    yield {"CONSUL_HTTP_TOKEN": token["SecretID"], "NOMAD_TOKEN": given["SecretID"]}
    for path in (f"policy/{policy['ID']}", f"token/{token['AccessorID']}"):
        strangers.ask_consul("DELETE", f"/v1/acl/{path}")
    for path in ("policy/loom2-up", f"token/{given['AccessorID']}"):
        strangers.ask_nomad("DELETE", f"/v1/acl/{path}")
    assert as_before(strangers, before)


def hoploom(cli: Cli, environ: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    given = {**cli.environ, **environ}
    return subprocess.run([str(HOPLOOM), *words], env=given, capture_output=True, text=True, timeout=180, check=False)


def attach(cli: Cli, theirs: Strangers, *words: str, **environ: str) -> str:
    fabio = () if "--fabio" in words else ("--fabio", theirs.fabio_url, "--fabio-admin", theirs.admin_url)
    ran = hoploom(cli, {**theirs.environ, **environ}, "up", "--attach", "--detach", *fabio, *words)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def got(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def command_lines() -> str:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(entry.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


RESTLESS = ("routes", "services", "agent/checks")
"""What their engines settle by themselves a moment later, and what a busy machine disturbs."""


def as_before(theirs: Strangers, before: dict[str, Any]) -> bool:
    """Whether all of theirs is as it was, and nothing else there."""
    return _same(theirs.dump, before)


def unchanged(theirs: Strangers, before: dict[str, Any]) -> bool:
    """Whether all of theirs is as it was, beside what is ours."""
    return _same(lambda: of_theirs(theirs.dump()), before)


def _same(dump: Callable[[], dict[str, Any]], before: dict[str, Any]) -> bool:
    def settled() -> bool:
        now = dump()
        return all(now[name] == before[name] for name in RESTLESS)

    until("their routes, services and checks as before", settled, 10)
    now = dump()
    assert {name: (was, now[name]) for name, was in before.items() if now[name] != was and name not in RESTLESS} == {}
    return True


def of_theirs(dump: dict[str, Any]) -> dict[str, Any]:
    """A dump without what carries our prefix."""
    return {name: _of_theirs(found) for name, found in dump.items()}


def _of_theirs(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: value for name, value in found.items() if not _is_ours(name, value)}
    if isinstance(found, list):
        return [each for each in found if not _is_ours("", each)]
    return found


def _is_ours(name: str, value: Any) -> bool:
    words = [name, value] if isinstance(value, str) else [name]
    if isinstance(value, dict):
        words += [str(value.get(each, "")) for each in ("Key", "Name", "ID", "Description", "Service", "ServiceName")]
    return any(word.startswith((*OURS, "hoploom ")) for word in words)


def test_all_three_are_joined_and_nothing_of_theirs_changes(
    cli: Cli, strangers: Strangers, before: dict[str, Any]
) -> None:
    with Load([("GET", f"{strangers.fabio_url}/", {}), ("GET", f"{strangers.fabio_url}/hoploomx", {})], 30) as load:
        assert "checksRequired = one" in attach(cli, strangers, "--no-map")
        jobs = [strangers.ask_nomad("GET", f"/v1/job/hoploom-{name}") for name in ("input", "output", "ping")]
        told = command_lines() + json.dumps(jobs)
        made = (cli.token(name) for name in ("management", "nomad", "input", "worker", "operator"))
        assert [each for each in (strangers.token, *made) if each in told] == []
        assert cli.token("input") != strangers.token == cli.token("management")
        assert unchanged(strangers, before)
        assert "256 of 256 answered" in cli.good("map", "127.5.0.0/24")
        until("a good state", lambda: cli.status()["state"] == "ok", 10)
        assert {each["id"].rpartition("-")[0] for each in cli.status()["instances"]} == {
            "hoploom-input", "hoploom-output", "hoploom-manager", "hoploom-ping",
        }  # fmt: skip
        page = got(f"{strangers.fabio_url}/hoploom/sign-in")
        assert page[0] == 200 and 'href="static/page.css"' in page[1]
        assert got(f"{strangers.fabio_url}/hoploom/static/page.css")[0] == 200
        assert len(json.loads(got(f"{strangers.fabio_url}/hoploom/api/v1/campaigns")[1])["campaigns"]) == 1
        assert strangers.web("/dump") == "theirs /dump"
        cli.good("down")
        until("their routes alone", lambda: strangers.dump()["routes"] == before["routes"], 10)
        cli.good("down", "--purge")
    assert as_before(strangers, before)
    assert (load.result.failures, dict(load.result.statuses)) == ([], {200: load.result.answered})
    assert not cli.root.exists()


# The tokens are asked for first, since they are needed until the mesh is gone.
def test_the_printed_policies_are_enough_and_all_run_with_the_token_given(
    tokens: dict[str, str], cli: Cli, strangers: Strangers
) -> None:
    printed = attach(cli, strangers, "--prefix", "loom2", "--fabio", "own", "127.6.0.0/24", **tokens)
    assert "ACLs on, one token" in printed and "256 of 256 answered" in printed
    assert cli.token("output") == tokens["CONSUL_HTTP_TOKEN"]
    assert (cli.root / "tokens" / "output").stat().st_mode & 0o777 == 0o600
    # Their Fabio, for which `up` did not wait, routes it too, below our path alone.
    until("our page at their Fabio", lambda: "<h1>Sign in</h1>" in strangers.web("/loom2/sign-in"), 5)
    assert strangers.web("/") == "theirs /"
    cli.good("down", "--purge")


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        ([], {"CONSUL_HTTP_TOKEN": "no-such-token"}, "does not know our token: give the token more rights"),
        (["--prefix", "hoploomx"], {}, "has keys or services under 'hoploomx' that this mesh did not enter"),
    ],
)
def test_what_will_not_do_is_said_in_one_sentence_and_nothing_is_changed(
    cli: Cli, strangers: Strangers, before: dict[str, Any], words: list[str], environ: dict[str, str], said: str
) -> None:
    given = {**strangers.environ, **environ}
    fabio = ["--fabio", strangers.fabio_url, "--fabio-admin", strangers.admin_url]
    ran = hoploom(cli, given, "up", "--attach", "--detach", "--no-map", *fabio, *words)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert said in ran.stderr
    cli.good("down", "--purge")
    assert as_before(strangers, before)
