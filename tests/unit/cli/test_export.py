"""`hoploom export` and `hoploom import` without a mesh."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from hoploom.cli import export, import_, main
from hoploom.results.data_set import DataSet
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced

ATLAS = {"fw": 5020, "type": "ping", "dst_addr": "192.0.2.1", "af": 4, "proto": "ICMP", "msm_id": 1001, "prb_id": 6012,
         "timestamp": 1_700_000_000, "sent": 3, "rcvd": 2, "dup": 0, "min": 1, "avg": 1.5, "max": 2.0,
         "result": [{"rtt": 1}, {"rtt": 2.0}, {"x": "*"}]}  # fmt: skip


@pytest.fixture(autouse=True)
def no_mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    batches = [make(rows=4), traced(3), make(5, campaign="second", suspect=True)]
    return write(tmp_path / "a.db", STORE, batches)


def atlas(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize("name", sorted(export.FORMATS))
def test_every_format_is_written_with_a_description_beside_it(name: str, dump: Path) -> None:
    assert main.main(["export", "--format", name, "-o", "out", str(dump)]) == 0
    assert Path("out").stat().st_size > 100
    found = json.loads(Path("out.campaign.json").read_text())
    assert (found["format"], found["file"], found["stores"]) == (name, "out", [STORE])
    assert [each["document"] for each in found["campaigns"]] == [None]
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["a.db", "out", "out.campaign.json"]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 7),
        (["--suspect"], 13),
        (["--suspect", "--campaign", "second"], 6),
        (["--kind", "trace"], 3),
        (["--prefix", "10.0.0.0/30", "--kind", "ping"], 4),
        (["--since", "2023-11-14T22:13:22Z"], 7),
        (["--since", "2023-11-14 22:13:23"], 0),
        (["--since", "2d"], 0),
    ],
)
def test_what_is_wanted_goes_to_the_standard_output(
    words: list[str], count: int, dump: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main.main(["export", "--format", "atlas-ndjson", str(dump), *words]) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == count


def test_what_is_masked_is_gone_and_that_is_said(dump: Path) -> None:
    words = ["--mask-private", "--mask-first-hops", "3", "--mask-workers"]
    assert main.main(["export", "--format", "atlas-ndjson", "-o", "out", str(dump), *words]) == 0
    assert not any(each in Path("out").read_text() for each in ("pi-7", "11.0.0.1", "11.0.0.3"))
    masking = json.loads(Path("out.campaign.json").read_text())["masking"]
    assert masking == {"private": True, "first_hops": 3, "workers": True}


REFUSED = [
    ("no data set", ["export", "--format", "graphml"], "there is no data set in"),
    ("two sources", ["export", "--format", "graphml", "x.db", "--data-set", "y"], "not both"),
    ("no such file", ["export", "--format", "graphml", "nosuch.db"], "nosuch.db cannot be read"),
    ("no database", ["export", "--format", "graphml", "note.txt"], "note.txt is no SQLite database"),
    ("no time", ["export", "--format", "graphml", "a.db", "--since", "yesterday"], "36h"),
    ("no network", ["export", "--format", "graphml", "a.db", "--prefix", "10.0.0.1/8"], "such as 192.0.2.0/24"),
    ("no folder", ["export", "--format", "graphml", "a.db", "-o", "no/x"], "no/x cannot be written"),
    ("its own source", ["export", "--format", "graphml", "a.db", "-o", "./a.db"], "name another file with -o"),
    ("hops below none", ["export", "--format", "graphml", "a.db", "--mask-first-hops", "-1"], "a number of hops"),
    ("nothing to import", ["import", "nosuch.ndjson"], "nosuch.ndjson is no file"),
    ("two places", ["import", "note.txt", "-o", "x.db", "--data-set", "y"], "not both"),
    ("no results", ["import", "note.txt", "-o", "x.db"], "note.txt: line 1: it is no JSON"),
    ("a name that is none", ["import", "good.ndjson", "-o", "x.db", "--campaign", "Not One"], "campaign does not"),
]


@pytest.mark.parametrize(("words", "reason"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_cannot_be_is_refused_in_a_sentence(
    words: list[str], reason: str, dump: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("note.txt").write_text("no results" * 30)
    atlas(Path("good.ndjson"), ATLAS)
    before = sorted(Path.cwd().iterdir())
    assert main.main(words) == 2
    said = capsys.readouterr().err
    assert reason in said and said.count("\n") == 1 and "Traceback" not in said
    assert sorted(Path.cwd().iterdir()) == before


def test_what_was_exported_is_imported_again_as_it_was(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["export", "--format", "atlas-ndjson", "-o", "out.ndjson", str(dump)]) == 0
    assert main.main(["import", "out.ndjson", "-o", "b.db"]) == 0
    columns = "address, outcome, sent, received, rtt_us, rtt_min_us, rtt_max_us, reply_ttl, at_ms"
    hops = "address, ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, mpls"
    first, second = (apsw.Connection(name) for name in ("a.db", "b.db"))
    for select in (
        f"SELECT {columns} FROM ping_results WHERE batch_key <> (SELECT batch_key FROM batches WHERE suspect)",
        "SELECT address, outcome, sent, joined_ttl, distance, hops FROM traceroutes",
        f"SELECT {hops} FROM traceroute_hops",
    ):
        own = "" if "WHERE" not in select else select[select.index(" WHERE") :]
        assert second.execute(select.replace(own, "")).fetchall() == first.execute(select).fetchall() != []


def test_a_second_import_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = atlas(tmp_path / "x.ndjson", ATLAS, ATLAS | {"prb_id": 7})
    for words in (["-o", "b.db"], ["--data-set", "set"]):
        assert [main.main(["import", str(file), *words]) for _ in range(2)] == [0, 0]
        new, again = capsys.readouterr().out.splitlines()
        assert ("2 of them new" in new, "0 of them new" in again) == (True, True)
    with apsw.Connection("b.db") as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT batch_key) FROM ping_results").get == (2, 2)


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress])
def test_compressed_files_are_unpacked_on_the_way(
    packed: Callable[[bytes], bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = packed(b"".join(json.dumps(ATLAS | {"prb_id": each}).encode() + b"\n" for each in range(1, 60)))
    Path("whole").write_bytes(content)
    Path("torn").write_bytes(content[: len(content) // 2])
    Path("altered").write_bytes(content[:40] + b"\xff" * 40 + content[80:])
    assert main.main(["import", "whole", "-o", "b.db"]) == 0
    assert "59 results" in capsys.readouterr().out
    for name in ("torn", "altered"):
        assert main.main(["import", name, "-o", "c.db"]) == 2
        assert capsys.readouterr().err.startswith(f"hoploom: {name}")
    assert not Path("c.db").exists()


def test_an_import_into_the_data_set_of_the_mesh_is_exported_from_there(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main.main(["import", str(atlas(tmp_path / "x.ndjson", ATLAS)), "--campaign", "theirs"]) == 0
    capfdbinary.readouterr()
    assert main.main(["export", "--format", "atlas-ndjson", "--campaign", "theirs"]) == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert (found["msm_id"], found["prb_id"], found["hoploom"]["worker"]) == (1001, 6012, "atlas-6012")


def test_a_data_set_that_somebody_has_open_can_be_exported(
    tmp_path: Path, dump: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    data_set = DataSet.open(tmp_path / "set", "main")
    data_set.take(dump)
    assert main.main(["export", "--format", "atlas-ndjson", "--data-set", "set"]) == 0
    assert main.main(["export", "--format", "atlas-ndjson", "--data-set", "set", "-o", "set/merged.db"]) == 2
    data_set.close()
    assert len(capfdbinary.readouterr().out.splitlines()) == 7


def test_a_data_set_that_somebody_has_open_takes_no_import_and_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_, "WAIT_S", 0.0)
    data_set = DataSet.open(tmp_path / "set", "main")
    assert main.main(["import", str(atlas(tmp_path / "x.ndjson", ATLAS)), "--data-set", "set"]) == 2
    data_set.close()
    said = capsys.readouterr().err
    assert "already owns" in said and "-o FILE.db" in said


def test_nothing_is_taken_of_a_file_with_a_bad_line_unless_that_is_wished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [ATLAS, ATLAS | {"rcvd": 9}, ATLAS | {"prb_id": 8}, '{"type":', ATLAS | {"dst_addr": None}]
    file = atlas(tmp_path / "x.ndjson", *lines)
    assert main.main(["import", str(file), "-o", "b.db"]) == 2
    said = capsys.readouterr().err
    assert ("line 4: it is no JSON" in said or "line 2: it received more" in said) and "--skip-bad" in said
    assert not Path("b.db").exists()
    assert main.main(["import", str(file), "-o", "b.db", "--skip-bad"]) == 0
    imported, bad, nameless = capsys.readouterr().out.splitlines()
    assert "2 results in 2 batches" in imported
    assert "2 that are no results, the first: line" in bad and "1 that name no address" in nameless
