"""The owner's limits, read from settings, blocks by hand, files and folders."""

from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service import owner
from hoploom.ping_service.orders import Orders, Owner
from hoploom.ping_service.settings import Settings
from hoploom.prober import politeness
from hoploom.wire.addresses import column


def test_without_settings_there_are_no_limits() -> None:
    assert owner.limits(Settings()) == Owner({}, 0, 0)


def test_blocks_files_and_folders_are_excluded_together(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("8.8.8.0/24  # ours\n", encoding="utf-8")
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "two.list").write_text("2001:4860::/32\n9.9.9.9\n", encoding="utf-8")
    settings = Settings(exclude=f"10.0.0.0/8, {tmp_path / 'one.txt'},{folder},", max_rate_pps=7, max_network_pps=2)
    limits = owner.limits(settings)
    assert (limits.rate_pps, limits.network_pps) == (7, 2)
    inside = column(["10.255.0.1", "8.8.8.1", "2001:4860:1::", "9.9.9.9"])
    outside = column(["11.0.0.0", "8.8.9.0", "2001:4861::", "9.9.9.8"])
    away = Orders(owner=limits).opt_outs
    assert politeness.inside(inside, away).all() and not politeness.inside(outside, away).any()


@pytest.mark.parametrize(
    ("named", "reason"), [("10.0.0.0/33", "exclude: .*10.0.0.0/33"), ("nothing.txt", "no file"), ("bad.txt", ":2: ")]
)
def test_an_exclusion_that_is_not_understood_stops_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, reason: str
) -> None:
    (tmp_path / "bad.txt").write_text("10.0.0.0/8\nno block\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=reason):
        owner.limits(Settings(exclude=named))


def test_more_hidden_hops_than_any_network_has_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="hidden_hops"):
        owner.limits(Settings(hidden_hops=17))
