"""The whole mesh with the real engines, through the real command: what the first user sees."""

import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import monitoring_checks
from hoploom import __version__
from hoploom.kit import fabio_api
from hoploom.trust.keys import Signer
from hoploom.wire import cell_table
from hoploom.wire.cell_table import CellTable
from hoploom.wire.enrolment import EnrolRequest, proof_message, token_digest
from hoploom.wire.rollup import FINE_S
from hoploom.wire.traces import REACHED
from listeners import listener
from load import Load
from local_cli import HOPLOOM, Cli
from monitoring_stack import MISSING
from rolling import nomad, roll, submit
from waiting import pause, until

TARGETS = "127.1.0.0/20"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    cli = Cli(tmp_path_factory.mktemp("state"))
    try:
        printed = cli.good("up", "--detach", "--inputs", "2", "--outputs", "2", "--workers", "2", TARGETS)
        (cli.state / "printed").write_text(printed, encoding="utf-8")
        yield cli
    finally:
        cli.run("down", "--purge")


def call(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def consul(cli: Cli, path: str) -> Any:
    url = f"http://127.0.0.1:{cli.port('consul_http')}{path}"
    return json.loads(call("GET", url, headers={"X-Consul-Token": cli.token("management")})[1])


def instances(cli: Cli, service: str) -> list[dict[str, Any]]:
    return [each for each in cli.status()["instances"] if each["service"] == service]


def test_up_maps_its_targets_and_names_the_pages(cli: Cli) -> None:
    printed = (cli.state / "printed").read_text(encoding="utf-8")
    assert "4,096 of 4,096 answered (lost 0, unreachable 0, failed 0, duplicates 0)" in printed
    assert "loopback or private space named by hand: allowed" in printed
    assert all(page in printed for page in ("manager", "consul", "nomad", "fabio"))


def test_status_lists_every_instance_passing_and_routed(cli: Cli) -> None:
    found = cli.status()
    counts = {name: len(instances(cli, name)) for name in ("input", "output", "manager", "ping")}
    assert counts == {"input": 2, "output": 2, "manager": 1, "ping": 2}
    assert found["state"] == "ok"
    assert {each["health"] for each in found["instances"]} == {"passing"}
    assert all(each["routed"] is (None if each["service"] == "ping" else True) for each in found["instances"])


def test_fabio_routes_exactly_what_the_tags_say(cli: Cli) -> None:
    table = json.loads(call("GET", f"http://127.0.0.1:{cli.port('fabio_ui')}/api/routes")[1])
    # The one that comes and goes is timed elsewhere.
    routed = {(route["service"], route["src"]) for route in table if fabio_api.CANARY_PATH not in route["src"]}
    tagged = set()
    for service in ("input", "output", "manager", "fabio", "fabio-routes", "fabio-metrics"):
        for entry in consul(cli, f"/v1/health/service/{service}"):
            tags = [tag for tag in entry["Service"]["Tags"] if tag.startswith("urlprefix-")]
            tagged |= {(service, tag.removeprefix("urlprefix-").split()[0]) for tag in tags}
    assert routed == tagged


def test_two_rounds_map_every_address_twice(cli: Cli) -> None:
    assert "32 of 32 answered" in cli.good("map", "127.10.0.0/28", "--rounds", "2")


def test_map_finds_every_address_exactly_once(cli: Cli, tmp_path: Path) -> None:
    found = json.loads(cli.good("map", "127.2.0.0/22", "--json"))
    none = dict.fromkeys(("lost", "unreachable", "failed", "duplicates"), 0)
    expected = {"targets": 1024, "groups": 1, "answered": 1024, **none}
    assert {name: found[name] for name in expected} == expected
    addresses = []
    for number, each in enumerate(instances(cli, "output")):
        dump = tmp_path / f"{number}.db"
        dump.write_bytes(call("GET", f"http://{each['address']}:{each['port']}/dump")[1])
        with sqlite3.connect(dump) as database:
            query = "SELECT address FROM ping_results JOIN batches USING (batch_key) WHERE batches.campaign = ?"
            addresses += [row[0] for row in database.execute(query, (found["campaign"],))]
            kinds = {row[0] for row in database.execute("SELECT type FROM sqlite_master")}
        database.close()
        assert kinds <= {"table", "index"}, "no views and no triggers in a dump"
    assert sorted(addresses) == sorted(f"127.2.{high}.{low}" for high in range(4) for low in range(256))


def test_traceroutes_go_through_the_whole_mesh(cli: Cli, tmp_path: Path) -> None:
    found = json.loads(cli.good("map", "127.3.0.0/24", "--trace", "--max-ttl", "8", "--json"))
    expected = {"kind": "trace", "targets": 256, "answered": 256, "lost": 0, "failed": 0, "duplicates": 0, "hops": 256}
    assert {name: found[name] for name in expected} == expected
    paths = []
    for number, each in enumerate(instances(cli, "output")):
        dump = tmp_path / f"{number}.db"
        dump.write_bytes(call("GET", f"http://{each['address']}:{each['port']}/dump")[1])
        with contextlib.closing(sqlite3.connect(dump)) as database:
            query = """
                SELECT address, t.outcome, t.distance, t.hops, h.ttl, h.hop, h.icmp_type, h.rtt_us >= 0
                FROM traceroutes t JOIN traceroute_hops h USING (batch_key, address) JOIN batches b USING (batch_key)
                WHERE b.campaign = ? AND b.kind = 'trace'
            """
            paths += database.execute(query, (found["campaign"],)).fetchall()
    every = (f"127.3.0.{low}" for low in range(256))
    assert sorted(paths) == sorted((each, REACHED, 1, 1, 1, each, 0, 1) for each in every)
    shown = json.loads(call("GET", f"{cli.fabio}/api/v1/results?kind=trace&campaign={found['campaign']}&limit=3")[1])
    assert all(len(each["hops"]) == 1 for each in shown["results"])
    operator = {"Authorization": f"Bearer {cli.token('operator')}"}
    told = json.loads(call("GET", f"{cli.fabio}/api/v1/overview", headers=operator)[1])["results"]
    assert {"trace"} == {each["kind"] for each in told[:10]} and told[0]["distance"] == 1


def test_the_paths_of_a_campaign_are_a_graph_behind_the_router(cli: Cli) -> None:
    found = json.loads(cli.good("map", "127.5.0.0/26", "--trace", "--max-ttl", "8", "--json"))
    shown = {"Authorization": f"Bearer {cli.token('operator')}"}

    def links() -> list[str]:
        answer = call("GET", f"{cli.fabio}/api/v1/paths?campaign={found['campaign']}", headers=shown)
        document = json.loads(answer[1])
        if answer[0] != 200:
            return []
        names, kinds = document["nodes"]["name"], document["nodes"]["kind"]
        ends = zip(document["links"]["near"], document["links"]["far"], document["links"]["gap"], strict=True)
        assert all(document["kinds"][kinds[near]] == "worker" and gap == 0 for near, _, gap in ends)
        return sorted(names[far] for far in document["links"]["far"])

    until("every link is in the manager's graph", lambda: links() == sorted(f"127.5.0.{low}" for low in range(64)), 60)
    page = call("GET", f"{cli.fabio}/paths?campaign={found['campaign']}", headers=shown)[1].decode()
    assert "64 hops and 64 links" in page and 'href="paths/127.5.0.9' in page
    one = call("GET", f"{cli.fabio}/paths/127.5.0.9", headers=shown)[1].decode()
    assert "Newest traceroutes" in one and "reached" in one


def test_what_was_measured_is_seen_behind_the_router_and_leaves_as_a_file(cli: Cli) -> None:
    found = json.loads(cli.good("map", "127.6.0.0/24", "--json"))
    shown = {"Authorization": f"Bearer {cli.token('operator')}"}

    def page(path: str) -> str:
        return call("GET", f"{cli.fabio}/{path}", headers=shown)[1].decode()

    until("the matrix has it", lambda: "127.6.0.0/24" in page(f"matrix?campaign={found['campaign']}"), 60)
    text = page(f"matrix?campaign={found['campaign']}&by=p50")
    assert "1 network</th>" in text and "0 % lost" in text and 'class="shade-' in text
    assert '<svg viewBox="0 0 900 240"' in page(f"series?campaign={found['campaign']}&network=127.6.0.0/24")
    assert "127.6.0.0/24" in page(f"map?campaign={found['campaign']}")
    assert "50 results" in page(f"stored?campaign={found['campaign']}")
    lines = page(f"stored/file?form=csv&campaign={found['campaign']}").splitlines()
    assert len(lines) == 257 and len({each.split(",")[10] for each in lines[1:]}) == 256
    objects = page(f"stored/file?form=atlas&campaign={found['campaign']}&prefix=127.6.0.64/26").splitlines()
    assert {json.loads(each)["dst_addr"] for each in objects} == {f"127.6.0.{low}" for low in range(64, 128)}


def test_what_was_mapped_is_summed_by_the_lists_that_it_came_from(cli: Cli, tmp_path: Path) -> None:
    lists = {"amazon_ipv4": "127.7.0.0/25", "google_ipv4": "127.7.1.0/26"}
    for name, block in lists.items():
        (tmp_path / f"{name}.txt").write_text(f"{block}\n")
    found = json.loads(cli.good("map", str(tmp_path), "--allow-private", "--per-prefix", "24:all", "--json"))
    number = json.loads(call("GET", f"{cli.fabio}/api/v1/campaigns/{found['campaign']}")[1])["campaign"]["number"]

    def networks() -> dict[str, tuple[int, int]]:
        tables = []
        for each in instances(cli, "output"):
            url = f"http://{each['address']}:{each['port']}/api/v1/output/rollups/cells?campaign={number}"
            tables.append(CellTable.from_json(number, json.loads(call("GET", url)[1])["cells"]))
        cells = cell_table.joined(number, tables).where(FINE_S).by("network").cells()
        return {each.network: (each.targets, each.answered) for each in cells}

    expected = {"amazon_ipv4": (128, 128), "google_ipv4": (64, 64)}
    until("all results are in the sums", lambda: networks() == expected, 15)


def test_what_was_mapped_is_merged_by_itself_and_exported_with_its_campaigns_document(
    cli: Cli, tmp_path: Path
) -> None:
    found = json.loads(cli.good("map", "127.4.0.0/24", "--json"))
    until("its results in the data set", lambda: collected(cli.root / "data-set", found["campaign"]) == 256, 60)
    [said] = cli.status()["collected"]
    assert (said["data_set"], said["why_not"], len(said["stores"])) == ("main", "", 2)
    file = tmp_path / "out.ndjson"
    cli.good("export", "--format", "atlas-ndjson", "--campaign", found["campaign"], "-o", str(file))
    targets = {json.loads(line)["dst_addr"] for line in file.read_text(encoding="ascii").splitlines()}
    assert targets == {f"127.4.0.{low}" for low in range(256)}
    [campaign] = json.loads(Path(f"{file}.campaign.json").read_text(encoding="ascii"))["campaigns"]
    assert (campaign["id"], campaign["rows"], campaign["document"]["number"]) == (
        found["campaign"], 256, campaign["number"]
    )  # fmt: skip


def test_the_periodic_job_collects_into_a_set_of_its_own(cli: Cli) -> None:
    folder = cli.state / "job-set"
    submit(cli, "collect", {"data_set": str(folder), "name": "job"})
    nomad(cli, "job", "periodic", "force", "hoploom-collect")
    until("the end of its run", lambda: "complete" in nomad(cli, "job", "status", "hoploom-collect/periodic"), 60)
    assert collected(folder) >= 4096
    assert "hoploom/data-sets/job" in consul(cli, "/v1/kv/hoploom/data-sets/?keys")
    nomad(cli, "job", "stop", "-purge", "hoploom-collect")


def collected(folder: Path, campaign: str = "%") -> int:
    """Rows of pings in a data set that its owner may be writing to."""
    if not (folder / "merged.db").exists():
        return 0
    with contextlib.closing(sqlite3.connect(folder / "merged.db")) as database:
        query = "SELECT count(*) FROM ping_results JOIN batches USING (batch_key) WHERE campaign LIKE ?"
        return int(database.execute(query, (campaign,)).fetchone()[0])


def test_the_same_up_goes_on_and_maps_nothing_twice(cli: Cli) -> None:
    before = {name: cli.pid(name) for name in ("consul", "fabio", "nomad-server", "nomad-client")}
    flags = ("--inputs", "2", "--outputs", "2", "--workers", "2")
    printed = cli.good("up", "--detach", *flags, TARGETS)
    assert "4,096 of 4,096 answered (lost 0, unreachable 0, failed 0, duplicates 0)" in printed
    assert {name: cli.pid(name) for name in before} == before


REFUSED: list[tuple[str, str, str, bytes | None, str, int, str]] = [
    ("an unknown campaign", "GET", "/api/v1/campaigns/nosuch", None, "", 404, "no campaign"),
    ("a campaign without a token", "POST", "/api/v1/campaigns", b"{}", "", 401, "Authorization"),
    ("a campaign by a worker", "POST", "/api/v1/campaigns", b"{}", "worker", 401, "Authorization"),
    ("a campaign that is no JSON", "POST", "/api/v1/campaigns", b"{", "operator", 400, "no JSON"),
    ("a body nested too deeply", "POST", "/api/v1/campaigns", b"[" * 100_000, "operator", 400, ""),
    ("a body that is too large", "POST", "/api/v1/campaigns", b" " * (9 << 20), "operator", 413, "limit"),
    ("results without a token", "POST", "/results", b"{}", "", 401, "Authorization"),
    ("results that are no batch", "POST", "/results", b"{}", "worker", 400, ""),
    ("a lease without a token", "POST", "/leases", b"{}", "", 401, "Authorization"),
    ("too many targets at once", "GET", "/targets?count=1000000", None, "worker", 400, "count"),
    ("a limit that is no number", "GET", "/api/v1/results?limit=x", None, "", 400, "limit"),
    ("a path that is not there", "GET", "/nosuch", None, "", 404, ""),
    ("a set that is not there", "GET", f"/api/v1/sets/{'0' * 64}", None, "", 404, "no target set"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "role", "status", "reason"),
    [each[1:] for each in REFUSED],
    ids=[each[0] for each in REFUSED],
)
def test_bad_requests_are_refused_with_a_problem_document(
    cli: Cli, method: str, path: str, body: bytes | None, role: str, status: int, reason: str
) -> None:
    headers = {"Authorization": f"Bearer {cli.token(role)}"} if role else {}
    headers["Content-Type"] = "application/json"
    found, text, answered = call(method, f"{cli.fabio}{path}", body, headers)
    assert found == status, text
    assert answered["Content-Type"].startswith("application/problem+json")
    document = json.loads(text)
    assert document["status"] == status
    assert reason in document["detail"]
    assert "Traceback" not in document["detail"]


def test_a_set_beyond_the_cap_is_refused_by_the_input_itself(cli: Cli) -> None:
    body = json.dumps({"v": 1, "id": "everything", "blocks": ["::/0"], "contact": "noc@example.org"}).encode()
    headers = {"Authorization": f"Bearer {cli.token('operator')}", "Content-Type": "application/json"}
    status, text, _ = call("POST", f"{cli.fabio}/api/v1/campaigns", body, headers)
    assert status in (403, 422)
    assert json.loads(text)["detail"]


def probed(cli: Cli) -> float:
    """Targets that the workers have probed so far."""
    lines = [
        line
        for each in instances(cli, "ping")
        for line in call("GET", f"http://{each['address']}:{each['port']}/metrics")[1].decode().splitlines()
        if line.startswith("hoploom_ping_targets_total{")
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


# Before any test that leaves a campaign which nobody has waited for: the workers map that too.
def test_a_pause_stops_every_worker_and_afterwards_the_rest_is_mapped_once(cli: Cli) -> None:
    words = [str(HOPLOOM), "map", "127.5.0.0/20", "--rate", "400", "--id", "paused", "--json"]
    before = probed(cli)
    with subprocess.Popen(words, env=cli.environ, stdout=subprocess.PIPE, text=True) as mapping:
        until("the workers probe", lambda: probed(cli) > before + 500, 20)
        cli.good("pause", "paused")
        assert cli.status()["overlay"]["paused_campaigns"] == ["paused"]
        pause(5)
        stopped = probed(cli)
        assert stopped - before < 4096
        pause(2)
        assert probed(cli) == stopped
        cli.good("resume", "paused")
        printed, _ = mapping.communicate(timeout=120)
    found = json.loads(printed)
    assert (found["targets"], found["answered"], found["duplicates"]) == (4096, 4096, 0)
    assert probed(cli) - before == 4096


def test_a_campaign_is_planned_at_a_manager_and_stopped_for_good_at_every_worker(cli: Cli) -> None:
    operator = {"Authorization": f"Bearer {cli.token('operator')}", "Accept": "text/html"}
    typed = {"key": "k", "blocks": "127.6.0.0/20", "own": "yes", "name": "by hand", "rate_pps": "400", "step": "plan"}

    def post(path: str, **fields: str) -> tuple[int, str, dict[str, str]]:
        status, body, headers = call("POST", f"{cli.fabio}{path}", urllib.parse.urlencode(fields).encode(), operator)
        return status, body.decode(), headers

    before = probed(cli)
    status, page, _ = post("/campaigns/new", **typed)
    assert status == 200 and "<strong>4,096</strong>" in page and "Nothing was sent." in page
    planned = page.partition('name="planned" value="')[2].partition('"')[0]
    # Redirects are followed to the campaign's page, where the second click leads too.
    pages = [post("/campaigns/new", **{**typed, "step": "start", "planned": planned})[1] for _ in range(2)]
    every = json.loads(cli.good("campaign", "ls", "--json"))["campaigns"]
    [campaign] = [each["campaign"] for each in every if each["campaign"]["name"] == "by hand"]
    assert all("<bdi>by hand</bdi>" in each for each in pages)
    until("the workers probe", lambda: probed(cli) > before + 500, 20)
    assert "stopped" in cli.good("campaign", "stop", campaign["id"])
    pause(5)
    stopped = probed(cli)
    assert stopped - before < 4096
    pause(1.5)
    assert probed(cli) == stopped
    assert "stopped by operator" in cli.good("campaign", "show", campaign["id"])
    assert cli.run("campaign", "resume", campaign["id"]).returncode == 2


def test_a_simple_client_takes_targets_and_acknowledges_them(cli: Cli) -> None:
    operator = {"Authorization": f"Bearer {cli.token('operator')}", "Content-Type": "application/json"}
    worker = {"Authorization": f"Bearer {cli.token('worker')}"}
    body = {"v": 1, "id": "by-curl", "blocks": ["127.9.0.0/29"], "allow_private": True}
    assert call("POST", f"{cli.fabio}/api/v1/campaigns", json.dumps(body).encode(), operator)[0] == 201
    path = f"{cli.fabio}/targets?campaign=by-curl&worker=me&count=8"

    def targets() -> list[tuple[int, bytes, dict[str, str]]]:
        found = call("GET", path, headers=worker)
        assert found[0] in (200, 204)
        return [found] if found[0] == 200 else []

    # Another instance may answer, and hears of the campaign a moment later.
    [(_, text, headers)] = until("its targets", targets, 10)
    assert sorted(text.decode().split()) == [f"127.9.0.{last}" for last in range(8)]
    assert call("GET", f"{path}&ack={headers['X-Lease']}", headers=worker)[0] == 204

    def progress() -> dict[str, Any]:
        found = json.loads(call("GET", f"{cli.fabio}/api/v1/campaigns/by-curl")[1])
        return dict(found["groups"].get("me", {}))

    # As above.
    until("it is finished", lambda: progress().get("finished"), 10)
    assert progress()["done"] == 8


def test_a_worker_elsewhere_joins_by_the_words_it_is_given_and_is_heard_until_it_is_removed(
    cli: Cli, tmp_path: Path
) -> None:
    found = json.loads(cli.good("worker", "invite", "pi-attic", "--json", "--max-rate", "200"))
    (tmp_path / "token").write_text(found["token"], encoding="utf-8")
    where = ("--identity-dir", str(tmp_path / "identity"))
    said = cli.good("worker", "join", found["url"], "--token-file", str(tmp_path / "token"), *where)
    assert "joined    worker pi-attic, number 20000000" in said
    environ = {**cli.environ, "XDG_STATE_HOME": str(tmp_path)}
    worker = subprocess.Popen([str(HOPLOOM), "worker", "start", *where], env=environ, stderr=subprocess.DEVNULL)
    try:
        until("it is heard", lambda: "passing" in cli.good("worker", "ls"), 20)
        until("Consul's catalogue has it", lambda: _of_catalogue(cli, "edge-pi-attic") == ["passing"], 20)
        assert "nothing is kept of it" in cli.good("worker", "rm", "pi-attic")
        until("Consul's catalogue has it no more", lambda: _of_catalogue(cli, "edge-pi-attic") == [], 20)
    finally:
        worker.terminate()
        worker.wait(30)
    left = [key for key in consul(cli, "/v1/kv/hoploom/?keys=true") if "pi-attic" in key]
    assert left == ["hoploom/ids/worker/pi-attic"]


def test_what_makes_a_machine_a_worker_is_served_from_a_folder_of_the_mesh(cli: Cli) -> None:
    folder = cli.root / "worker-archives"
    empty = call("GET", f"{cli.fabio}/join")[1].decode()
    assert "hoploom build --only worker" in empty and str(folder) in empty and "nothing was installed" in empty
    name = f"hoploom-worker-{__version__}-linux-aarch64-cp311.tar.gz"
    sha256 = hashlib.sha256(b"archive").hexdigest()
    (folder / name).write_bytes(b"archive")
    (folder / f"{name}.sha256").write_text(f"{sha256}  {name}\n", encoding="ascii")
    script = call("GET", f"{cli.fabio}/join")[1].decode()
    assert f"url={cli.fabio}\n" in script and f"sum={sha256} ;;" in script
    assert call("GET", f"{cli.fabio}/archives/{name}")[:2] == (200, b"archive")


def test_wrong_tokens_are_counted_by_the_address_that_the_router_saw(cli: Cli) -> None:
    key = Signer.new()
    proof = key.sign(proof_message(token_digest("0000-0000-0000-0000"), key.public))
    asked = EnrolRequest(token="0000-0000-0000-0000", key=key.public, proof=proof).to_json()
    forged = {"X-Forwarded-For": "192.0.2.9"}
    status, text, _ = call("POST", f"{cli.fabio}/api/v1/workers/enrol", json.dumps(asked).encode(), forged)
    assert status == 403 and b"used up or expired" in text
    line = next(each for each in cli.good("logs", "manager").splitlines() if "a token is refused" in each)
    assert "no such token" in line and "from 127.0.0.1" in line and "192.0.2.9" not in line


def _of_catalogue(cli: Cli, node: str) -> list[str]:
    return [each["Status"] for each in consul(cli, f"/v1/health/node/{node}")]


def test_metrics_of_every_service_carry_the_instance_and_please_promtool(cli: Cli) -> None:
    for each in cli.status()["instances"]:
        if each["elsewhere"]:
            continue  # nobody can connect to it
        page = call("GET", f"http://{each['address']}:{each['port']}/metrics")[1].decode()
        series = [line for line in page.splitlines() if line and not line.startswith("#")]
        identity = (f'instance_id="{each["id"]}"', f'service="{each["service"]}"', 'dc="dc1"')
        assert all(label in line for line in series for label in identity)
        ran = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_prometheus_sees_the_whole_mesh_and_tells_of_who_hangs(cli: Cli, tmp_path: Path) -> None:
    with monitoring_checks.watched(cli, tmp_path / "monitoring") as running:
        monitoring_checks.everything_is_scraped(running)
        monitoring_checks.every_name_exists(running)
        monitoring_checks.every_query_is_taken(running)
        monitoring_checks.who_hangs_is_told_of(running)


def test_nobody_without_a_token_can_run_jobs_or_change_consul(cli: Cli) -> None:
    nomad = f"http://127.0.0.1:{cli.port('nomad_http')}/v1"
    assert call("GET", f"{nomad}/jobs")[0] == 403
    assert call("POST", f"{nomad}/jobs", b'{"Job": {}}')[0] in (400, 403)
    agent = f"http://127.0.0.1:{cli.port('consul_http')}/v1"
    assert call("PUT", f"{agent}/kv/hoploom/x", b"1")[0] == 403
    assert call("GET", f"{agent}/kv/hoploom/campaigns?recurse")[0] in (403, 404)
    assert json.loads(call("GET", f"{agent}/health/service/input")[1]), "health is for everybody"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (cli.root / "tokens").iterdir()}
    assert set(modes.values()) == {0o600}


def test_a_rolling_restart_under_load_fails_no_request(cli: Cli) -> None:
    with Load(mixed(cli), per_s=60) as load:
        # What comes lets nobody read without a token, as on hosts.
        roll(cli, "input", {"count": "2", "version": "0.1.0-next", "open_reading": "false"})
    assert load.result.failures == []
    assert load.result.answered > 100


def mixed(cli: Cli) -> list[tuple[str, str, dict[str, Any]]]:
    lease = {"v": 1, "request_id": "load", "worker": "load", "group": "load", "rate_pps": 1, "families": [6]}
    headers = {"Authorization": f"Bearer {cli.token('worker')}"}
    return [
        ("GET", f"{cli.fabio}/api/v1/campaigns/by-curl", {"headers": headers}),
        ("POST", f"{cli.fabio}/leases", {"json": lease, "headers": headers}),
    ]


def test_a_killed_output_shows_within_seconds_and_traffic_goes_on(cli: Cli) -> None:
    victim = instances(cli, "output")[0]
    os.kill(listener(victim["port"]), signal.SIGKILL)
    until("the killed output as critical or gone", lambda: not healthy(cli, victim["id"]), 10)
    found = json.loads(cli.good("map", "127.3.0.0/24", "--json"))
    assert (found["answered"], found["duplicates"]) == (256, 0)
    until("two healthy outputs again", lambda: healthy_count(cli, "output") == 2, 60)


def healthy_count(cli: Cli, service: str) -> int:
    return sum(healthy(cli, each["id"]) for each in instances(cli, service))


def healthy(cli: Cli, instance_id: str) -> bool:
    return any(
        each["id"] == instance_id and each["health"] == "passing" and each["routed"]
        for each in cli.status()["instances"]
    )


def test_commands_say_who_asks_where_nobody_reads_without_a_token(cli: Cli, tmp_path: Path) -> None:
    # The restart has closed the input service.
    roll(cli, "output", {"count": "2", "open_reading": "false", "data_set": str(cli.root / "data-set")})
    paths = ("/api/v1/campaigns", "/api/v1/slots", "/api/v1/results", "/dumps", "/dump")
    assert {path: call("GET", f"{cli.fabio}{path}")[0] for path in paths} == dict.fromkeys(paths, 401)
    found = json.loads(cli.good("map", "127.7.0.0/28", "--json"))
    assert found["answered"] == 16
    until("a good state", lambda: cli.status()["state"] == "ok", 10)
    assert found["campaign"] in cli.good("campaign", "ls")
    cli.good("worker", "ls")
    assert "was not measured yet" in cli.run("fleet").stderr
    cli.good("dump", "--all", str(tmp_path))
    assert len(list(tmp_path.glob("*.db"))) == 2
    until("its results in the data set", lambda: collected(cli.root / "data-set", found["campaign"]) == 16, 60)
    cli.good("export", "--format", "csv", "--campaign", found["campaign"], "-o", str(tmp_path / "out.csv"))
    [campaign] = json.loads((tmp_path / "out.csv.campaign.json").read_text(encoding="ascii"))["campaigns"]
    assert (campaign["rows"], campaign["document"]["number"]) == (16, campaign["number"])
