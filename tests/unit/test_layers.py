"""The rooms and who may import whom, read from the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("input_service", "ping_service", "output_service", "manager")
MAY_IMPORT = {
    "kit": {"kit"},
    "wire": {"kit", "wire", "targets"},
    "targets": {"kit", "targets"},
    "trust": {"kit", "wire", "trust"},
    "engines": {"kit", "engines"},
    "archive": {"kit", "engines", "archive"},
    "local": {"kit", "engines", "local"},
    "prober": {"kit", "wire", "targets", "prober"},
    "results": {"kit", "wire", "targets", "results"},
    "doctor": {"kit", "engines", "local", "prober", "doctor"},
    "routing": {"kit", "routing"},
    "deploying": {"kit", "routing", "deploying"},
    **{service: {"kit", "wire", "targets", "trust", service} for service in SERVICES},
    "ping_service": {"kit", "wire", "targets", "trust", "prober", "ping_service"},
    "output_service": {"kit", "wire", "targets", "trust", "results", "output_service"},
    "manager": {"kit", "wire", "targets", "trust", "routing", "manager"},
}
# Fields, ids and keys come from the kit's errors alone; reading a disk is `targets.files`' trade.
PURE = ("targets/*.py", "wire/*.py", "wire/api/*.py", "trust/credential.py", "trust/key_record.py",
        "trust/person_token.py",
        "results/tables.py", "results/rows.py", "results/imports.py",
        "results/parquet_columns.py", "results/parquet_places.py",
        "results/address_texts.py", "results/batch_rules.py", "results/row_rules.py",
        "results/formats/atlas*.py", "results/formats/scamper_json.py", "results/formats/graphml.py",
        "results/formats/masking.py", "results/formats/campaign_json.py",
        "results/formats/warts*.py", "results/formats/flat.py", "results/formats/csv_table.py",
        "manager/campaign_form.py", "manager/pages/campaign_rows.py",
        "routing/audit*.py",
        "kit/tags.py", "kit/tag_*.py", "local/attached.py", "local/submission.py", "local/policies.py", "kit/names.py",
        "local/listeners.py",
        "kit/errors.py", "kit/consul_records.py", "kit/external_nodes.py", "kit/election.py",
        "kit/belief.py", "kit/picking.py", "kit/outliers.py", "kit/pool.py", "kit/version_shares.py",
        "input_service/leases.py",
        "input_service/shard_record.py", "input_service/round_record.py", "input_service/shards.py",
        "input_service/work.py", "input_service/claims.py", "input_service/pulling.py", "input_service/slice_sums.py",
        "input_service/expiry.py", "input_service/hop_book.py", "input_service/hop_sieve.py",
        "input_service/cooldown.py", "input_service/budget.py", "input_service/allotment.py", "input_service/lanes.py",
        "ping_service/holding.py", "ping_service/orders.py", "ping_service/chunk.py",
        "ping_service/segment.py", "ping_service/line.py", "ping_service/voice.py", "ping_service/hiding.py",
        "ping_service/anchors.py", "prober/pacing.py", "prober/packets.py", "prober/arrivals.py",
        "prober/quotes.py", "prober/flows.py", "prober/extensions.py", "prober/windows.py",
        "prober/slots.py", "prober/tally.py", "prober/templates.py", "prober/matching.py", "prober/heard.py",
        "prober/ping_run.py",
        "prober/hop_log.py", "prober/stop_set.py", "prober/trace_answers.py", "prober/trace_columns.py",
        "prober/trace_paths.py",
        "prober/trace_packets.py", "prober/trace_ring.py", "prober/trace_run.py", "prober/trace_start.py",
        "prober/traces.py", "prober/tracing.py", "prober/ttl_sets.py", "prober/datagrams.py",
        "prober/probes.py", "prober/politeness.py", "manager/summary.py", "manager/broker/choice.py",
        "manager/atlas/documents.py", "manager/atlas/listing.py",
        "manager/ad_table.py", "manager/ads_queue.py", "manager/seeing/seen.py", "manager/seeing/problems.py",
        "manager/seeing/tables.py", "manager/events/comparing.py", "manager/events/ring.py", "manager/pages/words.py",
        "manager/pages/doors.py", "manager/pages/fleet_rows.py",
        "manager/paths/graph.py", "manager/paths/distance.py", "manager/paths/tree.py", "manager/paths/layout.py",
        "manager/paths/asked.py", "manager/paths/drawing.py", "manager/paths/tables.py",
        "manager/paths/graphml.py", "output_service/rollups/path_rows.py",
        "manager/projector.py", "manager/fleet/matrix.py", "manager/enrolment/records.py",
        "manager/auditing/canary.py", "manager/auditing/following.py", "manager/auditing/sizes.py",
        "manager/seeing/deploys.py",
        "manager/auditing/verdicts.py", "manager/auditing/standing.py", "manager/auditing/record.py",
        "manager/dyfi/answers.py", "manager/dyfi/record.py", "manager/dyfi/plan.py", "manager/dyfi/telling.py",
        "manager/enrolment/admission.py", "manager/enrolment/challenges.py", "manager/enrolment/wrong_tokens.py",
        "output_service/rows.py", "output_service/*_rows.py", "output_service/cells.py", "output_service/told_hops.py",
        "output_service/intake.py", "output_service/cursors.py", "output_service/queries.py",
        "output_service/folder.py", "output_service/closed.py",
        "output_service/confirmations.py", "output_service/pruning.py",
        "output_service/packing.py", "output_service/migrations.py",
        "output_service/rollups/batches.py", "output_service/rollups/cells.py", "output_service/rollups/places.py",
        "output_service/collecting/offers.py", "output_service/collecting/patience.py",
        "output_service/collecting/pinning.py", "output_service/collecting/report.py",
        "manager/gateway/rules.py", "manager/gateway/shares.py",
        "manager/people/users.py", "manager/people/password_rules.py", "manager/people/doors.py",
        "manager/measures/projection.py", "manager/measures/scales.py", "manager/measures/plots.py",
        "manager/measures/shades.py", "manager/measures/grids.py", "manager/measures/courses.py",
        "manager/measures/bookmarks.py", "manager/measures/result_filters.py", "manager/measures/windows.py",
        "manager/measures/spots.py",
        "archive/requirements.py", "archive/contents.py",
        "routing/commands.py", "routing/editions.py", "routing/judging.py", "routing/lines.py", "routing/refusing.py",
        "routing/shares.py", "routing/table.py",
        "prober/privileges.py", "prober/cookies.py", "doctor/facts.py", "doctor/judging*.py",
        "deploying/course.py", "deploying/happenings.py", "deploying/job_records.py", "deploying/job_source.py",
        "deploying/objections.py", "deploying/plan.py", "deploying/promoting.py",
        "deploying/rolling.py", "deploying/sight.py",
        "deploying/standing.py", "deploying/submission.py", "deploying/taking_back.py", "deploying/versions.py",
        "deploying/words.py",
        "deploying/gate/buckets.py", "deploying/gate/evidence.py", "deploying/gate/judging.py",
        "deploying/gate/looks.py", "deploying/gate/pages.py", "deploying/gate/slowness.py",
        "deploying/gate/verdicts.py",
        "cli/words.py", "cli/slices.py", "cli/workers/standing.py",
        "cli/ping/flags.py", "cli/ping/hosts.py", "cli/ping/machine.py", "cli/ping/netdata.py",
        "cli/ping/options.py", "cli/ping/ranges.py", "cli/ping/report.py", "cli/ping/schedule.py",
        "cli/trace/flags.py", "cli/trace/machine.py", "cli/trace/options.py", "cli/trace/paths.py",
        "cli/trace/report.py")
IMPURE = {"asyncio", "aiohttp", "sqlite3", "apsw", "os", "time", "random", "logging", "subprocess"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def violations(package: Path) -> list[str]:
    found, all_rooms = [], {each.name for each in package.iterdir() if each.is_dir()}
    for path in sorted(package.rglob("*.py")):
        names, room = set(imported(path)), path.relative_to(package).parts[0]
        where = str(path.relative_to(package))
        rooms = {name.split(".")[1] for name in names if name.startswith("hoploom.")}
        rooms &= all_rooms
        if room in MAY_IMPORT:
            found += [f"{where} imports {other}" for other in sorted(rooms - MAY_IMPORT[room])]
        if any(path.relative_to(package).match(pattern) for pattern in PURE):
            found += [f"{where} imports {name}" for name in sorted(names & IMPURE)]
        if where != "kit/consul_transport.py" and any(name.split(".")[0] == "consul" for name in names):
            found.append(f"{where} imports python-consul2")
    return found


def test_every_import_goes_the_right_way() -> None:
    assert violations(ROOT / "services" / "hoploom") == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("kit/x.py", "from hoploom.manager import views"),
        ("manager/x.py", "import hoploom.input_service.leases"),
        ("targets/x.py", "import time"),
        ("local/x.py", "from consul.aio import Consul"),
    ],
)
def test_a_wrong_import_is_found(tmp_path: Path, path: str, line: str) -> None:
    for room in MAY_IMPORT:
        (tmp_path / room).mkdir()
    (tmp_path / path).write_text(f"{line}\n", encoding="utf-8")
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize("folder", ["consul", "ansible", "nomad", "fabio", "tests/consul"])
def test_no_folder_shadows_a_package(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_the_top_level_is_what_it_should_be() -> None:
    allowed = {"services", "consul", "fabio", "nomad", "ansible", "tests", "pyproject.toml", "README.md", "LICENSE"}
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"__pycache__", "dist"} <= allowed
