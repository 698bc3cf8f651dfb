"""How deploys stand, by what they write beside their locks."""

import json
from typing import Any

import pytest

from hoploom.kit.consul_records import KvEntry
from hoploom.manager.seeing.deploys import FOLDER, Deploying, standing

SAID = {"version": "1.4.1", "job": "orders", "who": "anna@deb01", "since": "now", "where": "at 10% in dc1"}


def entry(name: str, said: Any) -> KvEntry:
    return KvEntry(f"{FOLDER}{name}", said if isinstance(said, bytes) else json.dumps(said).encode(), 1)


def test_what_goes_on_and_what_ended_is_told_by_service() -> None:
    found = standing([entry("orders/last", {**SAID, "where": "it is in"}), entry("orders/.lock", SAID)])
    assert found == (
        Deploying("orders", "1.4.1", "anna@deb01", "now", "at 10% in dc1", False),
        Deploying("orders", "1.4.1", "anna@deb01", "now", "it is in", True),
    )


@pytest.mark.parametrize("said", [b"", b"[1]", b"\xff", {"version": "1"}, {**SAID, "job": ""}])
def test_what_is_no_deploy_of_ours_is_left_out(said: Any) -> None:
    assert standing([entry("orders/.lock", said)]) == ()


def test_what_stands_beside_is_left_out_and_no_line_is_broken_by_words() -> None:
    assert standing([entry("orders/other", SAID)]) == ()
    [found] = standing([entry("orders/last", {**SAID, "where": "why:\n<b>" + "x" * 400})])
    assert found.where.startswith("why: <b>xx") and len(found.where) == 200
