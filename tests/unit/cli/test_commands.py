"""Commands without a mesh: plans, refusals in one sentence, and exit codes."""

import json
from pathlib import Path

import pytest

from hoploom.cli import main


@pytest.fixture(autouse=True)
def no_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def lists(folder: Path, **content: str) -> None:
    for name, text in content.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


PLANS = [
    ("every address of loopback", ["127.1.0.0/20"], {"targets": 4096, "rate_pps": 0, "needs_contact": False}),
    ("every address of private space", ["10.0.0.0/24"], {"targets": 256, "rate_pps": 1000}),
    ("one of each /24 of public space", ["8.0.0.0/16"], {"targets": 256, "rate_pps": 100, "needs_contact": True}),
    ("one of each /48", ["2600::/40"], {"targets": 256, "rate_pps": 100}),
    ("all where that is said", ["8.8.8.0/24", "--per-prefix", "24:all"], {"targets": 256}),
    ("less what is excluded", ["127.1.0.0/24", "--exclude", "127.1.0.128/25"], {"targets": 128, "excluded": 128}),
    ("overlaps once", ["127.1.0.0/24", "127.1.0.0/25"], {"targets": 256, "addresses": 256}),
    ("pings", ["8.0.0.0/16", "--count", "3"], {"kind": "ping", "packets": 768, "seconds": 7.68}),
    ("traceroutes", ["8.0.0.0/16", "--trace"], {"kind": "trace", "packets": 2560, "seconds": 25.6}),
    ("the slowest space decides", ["127.1.0.0/24", "8.8.8.0/24"], {"targets": 257, "rate_pps": 100}),
]


@pytest.mark.parametrize(("words", "expected"), [each[1:] for each in PLANS], ids=[each[0] for each in PLANS])
def test_a_dry_run_shows_the_plan_and_needs_no_mesh(
    words: list[str], expected: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["map", "--dryrun", "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {name: found[name] for name in expected} == expected


REFUSED = [
    ("nothing named", ["map"], "name what to map"),
    ("no such file", ["map", "nosuch"], "no file or folder"),
    ("a set beyond the cap", ["map", "::/0"], "--per-prefix"),
    ("multicast", ["map", "224.0.0.0/4"], "multicast"),
    ("link-local", ["map", "169.254.169.254"], "link-local"),
    ("fewer than no rounds", ["map", "127.0.0.0/24", "--dryrun", "--rounds", "-1"], "rounds"),
    ("a block as an anchor", ["map", "127.0.0.0/24", "--dryrun", "--anchor", "9.9.9.0/24"], "one address, such as"),
    ("a bad sampling rule", ["map", "127.0.0.0/24", "--per-prefix", "x"], "PREFIX:COUNT"),
    ("a public block without a limit", ["map", "8.8.8.0/24", "--rate", "0"], "without a limit"),
    ("a flag of traceroutes", ["map", "127.0.0.0/24", "--dryrun", "--max-ttl", "9"], "--max-ttl is about traceroutes"),
    ("a path too long", ["map", "127.0.0.0/24", "--dryrun", "--trace", "--max-ttl", "65"], "max_ttl of probe"),
    ("no mesh to map on", ["map", "127.0.0.0/24"], "no mesh 'demo' is running"),
    ("no mesh to look at", ["status"], "hoploom up"),
    ("an unknown log", ["logs", "vault"], "no log of 'vault'"),
    ("a log of nothing", ["logs", "input"], "hoploom up"),
    ("an odd mesh name", ["status", "--mesh", "../x"], "lower-case"),
    ("an odd service name", ["new", "../x"], "lower-case"),
    ("an unknown command", ["frobnicate"], "--help"),
    ("an unknown bench", ["bench", "nosuch"], "no bench"),
]


@pytest.mark.parametrize(("words", "reason"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_mistake_is_one_sentence_with_the_way_out_and_exit_code_2(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words) == 2
    said = capsys.readouterr()
    assert reason in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", [["up", "--frob"], ["up", "--workers", "0"], ["up", "--workers", "x"], ["ui", "x"]])
def test_an_unknown_flag_or_value_points_to_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    assert "--help" in capsys.readouterr().err


def test_a_plan_of_traceroutes_says_that_packets_are_an_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["map", "--dryrun", "8.0.0.0/16", "--trace", "--protocol", "udp", "--max-ttl", "20"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "some 2,560: traceroutes by UDP up to 20 hops" in said and "Nothing was sent" in said
    assert "26 s" in said


def test_bad_lines_are_named_and_nothing_of_their_file_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists(tmp_path, good="8.8.8.0/24\n", bad="9.9.9.0/24\n1.2.3.4/33\n10.0.0.1/8\n")
    assert main.main(["map", "--dryrun", "--json", "good.txt", "bad.txt"]) == 0
    said = capsys.readouterr()
    assert "bad.txt:2: " in said.err
    assert "bad.txt:3: " in said.err
    assert "Nothing of bad.txt is used." in said.err
    assert json.loads(said.out)["addresses"] == 256
    assert main.main(["map", "bad.txt"]) == 2
    assert "nothing was sent" in capsys.readouterr().err


def test_private_blocks_of_a_file_need_to_be_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists(tmp_path, own="10.0.0.0/24\n", mixed="8.8.8.0/24\n10.0.0.0/24\n")
    assert main.main(["map", "--dryrun", "own.txt"]) == 2
    said = capsys.readouterr().err
    assert "own.txt" in said
    assert "--allow-private" in said
    assert main.main(["map", "--dryrun", "--json", "--allow-private", "own.txt"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == 256
    assert main.main(["map", "--dryrun", "--json", "mixed.txt"]) == 0
    assert json.loads(capsys.readouterr().out)["spaces"] == {"public": 256}


def test_down_without_a_mesh_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["down"]) == 0
    assert "no mesh" in capsys.readouterr().out


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([]) == 0
    said = capsys.readouterr().out
    assert [name for name in main.COMMANDS if f"  {name} " not in said] == []
