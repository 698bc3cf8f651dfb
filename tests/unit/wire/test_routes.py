"""Whose a path is."""

import pytest

from hoploom.wire import routes


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/leases", "input"),
        ("/leases/7/done", "input"),
        ("/api/v1/campaigns/demo", "input"),
        ("/results/feed", "output"),
        ("/dumps/results-000001.db", "output"),
        ("/api/v1/results", "output"),
        ("/", "manager"),
        ("/api/v1/overview", "manager"),
        ("/nothing", "manager"),
    ],
)
def test_a_path_belongs_to(path: str, owner: str) -> None:
    assert routes.owner(path) == owner
