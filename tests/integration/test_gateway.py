"""A real worker that joined by a token, behind the router of a home, and reaches two managers by one address.

The long trials are `python3 tests lab gateway`: loss, an hour without a line, Consul away, and more of these.
"""

import shutil
from pathlib import Path

import pytest

from lab import gateway_trials
from lab.namespace import needs_root

needs_router = pytest.mark.skipif(
    shutil.which("nft") is None or shutil.which("tc") is None, reason="a home's router needs nftables and iproute2"
)


@needs_root
@needs_router
def test_a_manager_is_killed_in_mid_upload_and_the_router_forgets_and_every_probe_has_one_row(tmp_path: Path) -> None:
    trial = gateway_trials.run("brief", tmp_path)
    print(trial)
    assert trial.wrong == [] and trial.probes == trial.rows == gateway_trials.FEW_TARGETS
