"""What Prometheus is told to scrape."""

import json
from pathlib import Path

import pytest

from hoploom.cli import scrape
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import ConfigError
from hoploom.kit.fake_consul import FakeConsul

INPUT = Instance(
    "input-1", "input", "fd71::7", 2001, "a1", "dc1", ("urlprefix-/targets", "0.1.0"),
    {"booted_at_us": "17", "health-port": "9"},
)  # fmt: skip


def test_an_instance_is_labelled_as_prometheus_own_discovery_does() -> None:
    [group] = scrape.groups([INPUT])
    assert group["targets"] == ["[fd71::7]:2001"]
    assert group["labels"] == {
        "__meta_consul_service": "input",
        "__meta_consul_service_id": "input-1",
        "__meta_consul_service_port": "2001",
        "__meta_consul_node": "a1",
        "__meta_consul_dc": "dc1",
        "__meta_consul_tags": ",urlprefix-/targets,0.1.0,",
        "__meta_consul_service_metadata_booted_at_us": "17",
        "__meta_consul_service_metadata_health_port": "9",
    }


def test_the_order_is_always_the_same_and_what_has_no_port_is_left_out() -> None:
    others = [Instance("b", "x", "10.0.0.1", 1), Instance("a", "x", "10.0.0.1", 2), Instance("c", "x", "10.0.0.1", 0)]
    assert [each["targets"] for each in scrape.groups(others)] == [["10.0.0.1:2"], ["10.0.0.1:1"]]
    assert scrape.groups(others) == scrape.groups(others[::-1])


def test_the_file_is_replaced_when_it_says_something_else_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "targets.json"
    assert scrape.write(path, scrape.groups([INPUT]))
    before = path.stat().st_ino
    assert not scrape.write(path, scrape.groups([INPUT]))
    assert path.stat().st_ino == before
    assert scrape.write(path, [])
    assert json.loads(path.read_text()) == []
    assert [each.name for each in tmp_path.iterdir()] == ["targets.json"]


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"targets\.json cannot be written: No such file"):
        scrape.write(tmp_path / "nowhere" / "targets.json", [])


async def test_instances_that_are_critical_are_scraped_too(fake_consul: FakeConsul) -> None:
    check = {"CheckID": "input-1:alive", "Name": "alive", "TTL": "15s", "Status": "critical"}
    await fake_consul.register({"ID": "input-1", "Name": "input", "Address": "127.0.0.1", "Port": 7, "Checks": [check]})
    [found] = await scrape._instances(fake_consul)
    assert (found.id, found.status) == ("input-1", "critical")
