"""The job files against the services that they run."""

import argparse
import re
from pathlib import Path

import pytest

from hoploom.cli import collect
from hoploom.kit import lifecycle
from hoploom.kit.settings import Settings

JOBS = sorted((Path(__file__).resolve().parents[2] / "nomad").glob("*.nomad.hcl"))
SERVICES = [job for job in JOBS if 'type        = "batch"' not in job.read_text(encoding="utf-8")]


def one(text: str, name: str) -> str:
    found = re.search(rf'^\s*{name}\s*=\s*"?([^"\n]+)"?$', text, re.MULTILINE)
    assert found, f"no {name}"
    return found[1]


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_nomad_waits_longer_than_the_drain_takes(job: Path) -> None:
    drain_s = (
        lifecycle.HAND_OVER_CAP_S
        + lifecycle.UNROUTED_CAP_S
        + lifecycle.SETTLE_S
        + Settings().drain_s
        + 2 * lifecycle.TELL_CAP_S
        + lifecycle.SHUTDOWN_S
    )
    kill_timeout_s = float(one(job.read_text(encoding="utf-8"), "kill_timeout").removesuffix("s"))
    assert drain_s < kill_timeout_s <= 30, "Nomad cuts more than 30 s without a word"


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_the_signal_is_written_out_and_no_secret_is_in_the_job(job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    assert one(text, "kill_signal") == "SIGTERM"
    assert "X-Consul-Token" not in text


@pytest.mark.parametrize("job", SERVICES, ids=lambda path: path.name)
def test_a_service_is_gated_by_nomads_own_registry(job: Path) -> None:
    assert 'provider = "nomad"' in job.read_text(encoding="utf-8")


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_every_variable_is_described(job: Path) -> None:
    blocks = re.findall(r'^variable "\w+" \{\n(.*?)^\}', job.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    assert all("description" in block and "default" in block for block in blocks)


def test_the_one_job_that_is_no_service_is_the_periodic_collecting() -> None:
    [job] = set(JOBS) - set(SERVICES)
    text = job.read_text(encoding="utf-8")
    assert job.name == "collect.nomad.hcl"
    assert "prohibit_overlap = true" in text
    words = re.findall(r'[-\w.]+', re.findall(r"args\s+= \[(.*)\]", text)[0])
    parser = argparse.ArgumentParser()
    collect.add_arguments(parser)
    assert words[:3] == ["-m", "hoploom.cli", collect.NAME]
    assert parser.parse_args(words[3:]).once


@pytest.mark.parametrize(("service", "setting"), [("output", "HOPLOOM_DB_DIR"), ("ping", "HOPLOOM_SPOOL_DIR")])
def test_what_a_service_keeps_outlives_its_allocation_and_a_successor_waits_for_it(service: str, setting: str) -> None:
    text = next(job for job in JOBS if job.name == f"{service}.nomad.hcl").read_text(encoding="utf-8")
    assert one(text, setting) == f"${{var.data_dir}}/{service}-${{NOMAD_ALLOC_INDEX}}"
    drain_s, wait_s = Settings().drain_s + lifecycle.HAND_OVER_CAP_S, float(one(text, "HOPLOOM_WAIT_LOCK_S"))
    assert drain_s < wait_s < 30
