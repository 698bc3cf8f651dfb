"""`hoploom deploy` with real engines, while requests flow: in, taken back, and found again after it was killed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from load import Load, Result
from local_cli import HOPLOOM, Cli
from rolling import nomad
from waiting import until

TESTS = Path(__file__).resolve().parents[1]
JOB, SERVICE = TESTS / "orders.nomad.hcl", TESTS / "orders_service.py"
# Steps that a person would never take so fast.
QUICK, PER_S = ("--step-seconds", "1", "--requests", "20", "--p99-factor", "20"), 60.0


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("state"))
    try:
        cli.good("up", "--detach", "--only", "engines")
        told = {
            "command": sys.executable,
            "service_file": str(SERVICE),
            "consul_addr": f"http://127.0.0.1:{cli.port('consul_http')}",
            "consul_token_file": str(cli.root / "tokens" / "management"),
        }
        nomad(cli, "job", "run", *(f"-var={name}={value}" for name, value in told.items()), str(JOB))
        yield cli
    finally:
        cli.run("down", "--purge")


def load(cli: Cli) -> Load:
    url = f"{cli.fabio}/orders"
    return Load([("GET", url, {}), ("POST", url, {"data": b"x" * 100})], PER_S)


def running(cli: Cli) -> dict[str, str]:
    """Version of the job by the id of each allocation that runs."""
    found = json.loads(nomad(cli, "job", "allocs", "-json", "orders"))
    return {each["ID"]: str(each["JobVersion"]) for each in found if each["ClientStatus"] == "running"}


def events(printed: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in printed.splitlines()]


def only_answered_500(result: Result) -> bool:
    return all(" 500 " in each for each in result.failures)


def test_a_good_version_comes_in_and_a_second_deploy_is_refused_meanwhile(cli: Cli) -> None:
    before = running(cli)
    with load(cli) as flowing:
        first = subprocess.Popen(
            [str(HOPLOOM), "deploy", "orders", "--version", "1.4.1", "--json", *QUICK],
            env=cli.environ, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert first.stdout is not None
        planned = json.loads(first.stdout.readline())
        second = cli.run("deploy", "orders", "--version", "1.4.2")
        printed, _ = first.communicate(timeout=120)
    assert (planned["event"], planned["new"], planned["count"]) == ("plan", "1.4.1", 2)
    assert second.returncode == 2 and "is being deployed already" in second.stderr and "1.4.1 since" in second.stderr
    told = [each["event"] for each in events(printed)]
    assert (first.returncode, told) == (0, ["canary"] * 2 + ["weight"] * 3 + ["promoted", "done"]), printed
    assert [each["share"] for each in events(printed) if each["event"] == "weight"] == [0.1, 0.5, 1.0]
    assert flowing.result.failures == [] and flowing.result.answered > PER_S
    assert not before.keys() & running(cli).keys()
    shown = cli.good("route", "show", "orders")
    assert "1.4.1" in shown and "1.4.0" not in shown


def test_a_version_that_answers_500_is_taken_back_and_the_old_one_is_not_touched(cli: Cli) -> None:
    before = running(cli)
    with load(cli) as flowing:
        ran = cli.run("deploy", "orders", "--version", "1.4.2", "--var", "fail_every=2", "--canary", "20%", "--json",
                      "--step-seconds", "20")  # fmt: skip
    told = events(ran.stdout)
    assert ran.returncode == 1 and [each["event"] for each in told[-3:]] == ["logs", "silent", "undone"], ran.stdout
    assert "failed (5xx)" in str(told[-4]["why"]) and cli.good("logs", str(told[-3]["id"]))
    assert float(str(told[-2]["after_s"])) < 1
    assert flowing.result.failures and only_answered_500(flowing.result), flowing.result.failures[:3]
    # A fifth of the requests, half of which fail, until enough have failed to be sure.
    assert len(flowing.result.failures) < PER_S
    assert running(cli).keys() == before.keys()


def test_a_version_that_is_never_ready_is_taken_back(cli: Cli) -> None:
    before = running(cli)
    with load(cli) as flowing:
        ran = cli.run("deploy", "orders", "--version", "1.4.3", "--var", "never_ready=true", "--ready-seconds", "3")
    assert ran.returncode == 1 and "0 of 2 new instances were up after 3 s" in ran.stdout, ran.stdout
    assert flowing.result.failures == [] and running(cli).keys() == before.keys()


def test_what_was_killed_is_named_and_taken_back(cli: Cli) -> None:
    before = running(cli)
    command = [str(HOPLOOM), "deploy", "orders", "--version", "1.4.4"]
    with load(cli) as flowing:
        with subprocess.Popen(command, env=cli.environ, stdout=subprocess.PIPE, text=True) as killed:
            try:
                assert killed.stdout is not None
                assert any(line.startswith("canary") for line in killed.stdout), "it ended before"
            finally:
                killed.kill()
        other = cli.run("deploy", "orders", "--version", "1.4.5")
        back = cli.run("deploy", "orders", "--rollback")
    assert other.returncode == 2 and "1.4.4" in other.stderr and "--rollback" in other.stderr
    assert back.returncode == 0 and "found" in back.stdout and "1.4.1 runs as before" in back.stdout, back.stdout
    assert flowing.result.failures == [] and running(cli).keys() == before.keys()


def test_after_three_deploys_that_came_to_nothing_the_version_before_is_still_gone_back_to(cli: Cli) -> None:
    # As it comes, Nomad keeps six versions of a job, and each of those three was two.
    def rested() -> "subprocess.CompletedProcess[str] | None":
        ran = cli.run("deploy", "orders", "--rollback", "--plan")
        return None if "is going on" in ran.stdout else ran

    planned = until("the end of the last way back", rested, 60)
    assert planned is not None
    assert planned.returncode == 1 and "1.4.1 -> 1.4.0" in planned.stdout, planned.stdout + planned.stderr


REFUSED = (
    (("orders", "--version", "1.4.1"), 2, "runs already"),
    (("orders", "--version", "1.4.2", "--plan"), 1, "HOPLOOM_VERSION_TAG]: 1.4.1 -> 1.4.2"),
    (("orders", "--version", "1.4.2", "--artifact-url", "http://127.0.0.1:1/x.tgz", "--plan"), 255, "be fetched"),
)


def test_what_is_planned_or_refused_changes_nothing(cli: Cli) -> None:
    before = running(cli)
    for words, code, said in REFUSED:
        ran = cli.run("deploy", *words)
        assert (ran.returncode, said in ran.stdout + ran.stderr) == (code, True), ran.stdout + ran.stderr
    assert running(cli) == before
