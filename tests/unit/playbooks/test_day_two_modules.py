"""What the modules of upgrade, backup and restore make of what they are told."""

import io
import sqlite3
import tarfile
import urllib.error
import urllib.request
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from playbook_plugins import load

COPY, HEALTH, RESTORE = (load(f"library/{name}.py") for name in ("results_copy", "mesh_health", "snapshot_restore"))


def store(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = sqlite3.connect(path)
    found.execute("PRAGMA journal_mode=WAL")
    found.execute("CREATE TABLE rows(n)")
    found.execute("INSERT INTO rows VALUES (1)")
    found.commit()
    return found


def test_a_store_in_use_is_copied_as_it_is_at_one_moment(tmp_path: Path) -> None:
    folder = tmp_path / "output"
    live = store(folder / "output-0" / "live-000001.db")
    (folder / "data-set" / "parquet").mkdir(parents=True)
    (folder / "data-set" / "parquet" / "a.parquet").write_bytes(b"PAR1")
    live.execute("INSERT INTO rows VALUES (2)")  # not committed
    store(folder / "data-set" / "merged.db").close()
    assert COPY.pack(folder, tmp_path / "results.tar") == 3
    with tarfile.open(tmp_path / "results.tar") as packed:
        names = packed.getnames()
        packed.extractall(tmp_path / "back", filter="data")
    wanted = ["output-0/live-000001.db", "data-set/merged.db", "data-set/parquet/a.parquet"]
    assert names == wanted, "whoever has what another drops comes later"
    with sqlite3.connect(tmp_path / "back" / names[0]) as back:
        assert back.execute("SELECT n FROM rows").fetchall() == [(1,)]
    back.close()
    live.close()


def test_a_file_that_is_closed_while_others_are_copied_is_in_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "output"
    live, closed = folder / "live-000002.db", folder / "results-000002.db"
    store(folder / "live-000001.db").close()
    store(live).close()
    copy = COPY.copied

    def closing(path: Path, scratch: Path) -> Path:
        if live.exists():
            live.rename(closed)
        made: Path = copy(path, scratch)
        return made

    monkeypatch.setattr(COPY, "copied", closing)
    assert COPY.pack(folder, tmp_path / "results.tar") == 2
    with tarfile.open(tmp_path / "results.tar") as packed:
        assert packed.getnames() == ["live-000001.db", closed.name]


class Keys:
    """Consul's KV store as the module asks it."""

    def __init__(self, epoch: int | None) -> None:
        self.now, self.written = epoch, list[bytes]()

    def number(self, _url: str) -> tuple[int, int]:
        return (0, 0) if self.now is None else (self.now, 7)

    def call(self, _method: str, url: str, data: bytes | None = None) -> bytes:
        assert url.endswith("?cas=0" if self.now is None else "?cas=7")
        self.written.append(data or b"")
        return b"true"


@pytest.mark.parametrize(("before", "restored", "wanted"), [(0, None, 1), (4, 2, 5), (0, 6, 7), (3, None, 4)])
def test_the_epoch_is_above_that_before_and_that_of_the_snapshot(
    before: int, restored: int | None, wanted: int
) -> None:
    keys = Keys(restored)
    assert RESTORE.raised(keys, "http://consul/v1/kv/hoploom/epoch", before, 0.0) == wanted
    assert keys.written == [str(wanted).encode()]


def test_numbers_that_were_taken_since_the_snapshot_are_taken_by_nobody_else() -> None:
    keys = Keys(5)
    RESTORE.raised(keys, "http://consul/v1/kv/hoploom/ids/next", 5, 0.0, RESTORE.NUMBERS_SKIPPED)
    assert keys.written == [b"1000005"]


def answers(table: dict[str, Any]) -> Any:
    return lambda url, *_: next(value for end, value in table.items() if url.endswith(end))


def test_a_worker_elsewhere_that_is_off_is_no_problem_of_the_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    critical = [{"ServiceID": f"ping-{node}", "Node": node, "Name": "heard"} for node in ("edge-pi", "a1")]
    monkeypatch.setattr(HEALTH, "ask", answers({
        "/operator/autopilot/health": {"Servers": [{"Name": "a1", "Healthy": True, "Voter": True}]},
        "/catalog/nodes?node-meta=external-node:true": [{"Node": "edge-pi"}],
        "/health/state/critical": critical,
    }))
    assert HEALTH.consul_problems("t") == ["ping-a1 on a1: heard is critical"]


def test_a_server_of_consuls_that_does_not_vote_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [{"Name": "a1", "Healthy": True, "Voter": False}, {"Name": "a2", "Healthy": False, "Voter": True}]
    monkeypatch.setattr(HEALTH, "ask", answers({
        "/operator/autopilot/health": {"Servers": servers},
        "/catalog/nodes?node-meta=external-node:true": None,
        "/health/state/critical": [],
    }))
    assert HEALTH.consul_problems("t") == [
        "Consul's server a2 is not healthy", "Consul's server a1 has no vote yet"
    ]


def test_nomads_servers_are_waited_for_as_consuls_are(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [{"Name": "a1.global", "Healthy": True, "Voter": False}]
    monkeypatch.setattr(HEALTH, "ask", answers({
        "/operator/autopilot/health": {"Servers": servers},
        "/nodes": [{"Name": "a1", "Status": "down"}],
        "/jobs": [],
    }))
    assert HEALTH.nomad_problems("t") == ["Nomad's server a1.global has no vote yet", "Nomad's node a1 is down"]


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b'{"Servers": []}', []),
        (429, b'{"Servers": [{"Name": "a1", "Healthy": false, "Voter": true}]}', ["E's server a1 is not healthy"]),
        (429, b"Your request is too many", "/operator/autopilot/health answers 429 Your request is too many"),
        (403, b"Permission denied\n", "/operator/autopilot/health answers 403 Permission denied"),
    ],
)
def test_an_answer_that_not_all_is_well_is_one(
    status: int, body: bytes, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        assert (timeout, request.headers) == (HEALTH.CALL_S, {"X-a-token": "t"})
        if status != HTTPStatus.OK:
            raise urllib.error.HTTPError(request.full_url, status, "", Message(), io.BytesIO(body))
        return io.BytesIO(body)

    monkeypatch.setattr(urllib.request, "urlopen", opened)
    if isinstance(found, list):
        assert HEALTH.server_problems("E", "http://e/v1", "X-A-Token", "t") == found
    else:
        with pytest.raises(HEALTH.Refused) as refused:
            HEALTH.server_problems("E", "http://e/v1", "X-A-Token", "t")
        assert str(refused.value) == f"http://e/v1{found}"


@pytest.mark.parametrize(
    ("routed", "wanted"),
    [
        (["10.0.0.1:80"], []),
        ([], ["Fabio does not route to 10.0.0.1:80"]),
        (["10.0.0.1:80", "10.0.0.2:80"], ["Fabio routes to 10.0.0.2:80, which is not healthy"]),
    ],
)
def test_what_is_routed_is_compared_with_what_is_healthy(
    routed: list[str], wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = [{"Service": {"Address": "10.0.0.1", "Port": 80}, "Node": {"Address": "10.0.0.9"}}]
    monkeypatch.setattr(HEALTH, "ask", answers({
        "/catalog/services": {"input": ["urlprefix-/leases"], "consul": []},
        "/health/service/input?passing=1": healthy,
        "/api/routes": [{"dst": f"http://{each}/"} for each in routed],
    }))
    assert HEALTH.routing_problems("t") == wanted
