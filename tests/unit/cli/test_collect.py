"""What `hoploom collect` and `hoploom status` say of a data set, and whom it asks."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from hoploom.cli import collect, status
from hoploom.kit.errors import ConfigError
from hoploom.output_service.collecting.report import AWAY, COLLECTED, WAITING, Report, StoreRow

GOOD = StoreRow("1111-a", COLLECTED, dc="dc1", upto=7, last_seq=7, batches=2, rows=1024)
LOSSY = StoreRow("2222-b", COLLECTED, dc="dc1", batches=1, rows=6, lost=3, conflicts=1)
GONE = StoreRow("3333-c", AWAY, why="it has no instance")
LATE = StoreRow("4444-d", WAITING, dc="dc2", behind=1234, waits_s=12.3)


def words(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    collect.add_arguments(parser)
    return parser.parse_args(["--data-set", "x", *given])


def test_a_look_is_told_by_lines_and_what_is_good_by_the_first_alone() -> None:
    assert collect._lines(Report("main", "u", (GOOD,), {})) == [
        ("collected", "main: 1 store, 2 new batches with 1,024 rows")
    ]
    found = collect._lines(Report("main", "u", (GOOD, LOSSY, GONE, LATE), {"dc3": "no path"}, "no DuckDB"))
    assert found[1:] == [
        ("collected", "store 2222-b (dc1): 3 batches were pruned before they were collected; "
                      "1 batches are there with other content"),
        ("away", "store 3333-c (unknown): it has no instance"),
        ("waiting", "store 4444-d (dc2): 1,234 batches wait"),
        ("away", "datacenter dc3: no path"),
        ("parquet", "no DuckDB"),
    ]


def page(*stores: StoreRow, **more: Any) -> dict[str, Any]:
    found = Report("main", "u", stores, {}).to_json()
    return {**found, "folder": "/set", "leads": True, "why_not": "", "instance": "output-1", **more}


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (page(GOOD), "main in /set: 1 store"),
        (page(GOOD, LATE), "main in /set: 2 stores, 1,234 batches wait, the oldest for 12 s"),
        (page(GONE), "main in /set: 1 store; away 3333-c: it has no instance"),
        (page(LOSSY), "main in /set: 1 store; 3 batches were pruned before they were collected; "
                      "1 batches came with two contents, the first is kept"),
        (page(why_not="it is another's", leads=False), "main: output-1 does not collect: it is another's"),
    ],
)
def test_status_has_a_line_of_it(said: dict[str, Any], line: str) -> None:
    assert status._collected(said) == f"data set  {line}"


def test_a_consul_that_is_named_is_asked_with_the_tokens_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLOOM_WORKER_TOKEN_FILE", "/tokens/worker")
    settings = collect._settings(words("--consul-addr", "http://127.0.0.9:8500"))
    assert (settings.consul_addr, settings.worker_token_file) == ("http://127.0.0.9:8500", "/tokens/worker")


def test_without_one_there_has_to_be_a_mesh_on_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path))
    with pytest.raises(ConfigError, match="no mesh"):
        collect._settings(words("--consul-addr", ""))
