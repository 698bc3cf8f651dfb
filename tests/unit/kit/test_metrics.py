"""The metrics page: every series says whose it is."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hoploom.kit import metrics

SOLD = metrics.counter("hoploom_test_sold_total", "Things sold.", ("kind",))
WAIT = metrics.histogram("hoploom_test_wait_seconds", "Time in the queue.")
OPEN = metrics.gauge("hoploom_test_open", "1 while open.")


@pytest.fixture
def page() -> str:
    SOLD.labels("apple").inc(2)
    WAIT.observe(0.003)
    OPEN.set(1)
    return metrics.page("shop-1", "shop", "dc1").decode()


def test_every_series_carries_instance_service_and_datacenter(page: str) -> None:
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    assert len(samples) > 20
    for sample in samples:
        assert sample.labels["instance_id"] == "shop-1"
        assert sample.labels["service"] == "shop"
        assert sample.labels["dc"] == "dc1"


def test_own_labels_stay(page: str) -> None:
    assert 'hoploom_test_sold_total{dc="dc1",instance_id="shop-1",kind="apple",service="shop"} ' in page


def test_a_histogram_keeps_its_buckets_and_no_created_series_is_shown(page: str) -> None:
    assert 'hoploom_test_wait_seconds_bucket{dc="dc1",instance_id="shop-1",le="0.005",service="shop"} ' in page
    assert "_created" not in page


def test_the_process_itself_is_measured(page: str) -> None:
    assert "process_resident_memory_bytes{" in page
