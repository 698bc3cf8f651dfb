"""The role's alert rules, by Prometheus's own tools: each fires when it has to, and does not when it need not."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from alert_cases import CASES, Case, Series
from monitoring_checks import rules
from monitoring_stack import RULES

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian package prometheus)")


def promtool(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60, check=False)


def expectation(case: Case, series: Series, *, fires: bool) -> dict[str, object]:
    """One of promtool's tests: how many of that name fire."""
    found = {
        "expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) > bool 0',
        "eval_time": f"{case.at}m",
        "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
    }
    written = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": written, "promql_expr_test": [found]}


def written(folder: Path, alert: str, *tests: dict[str, object]) -> Path:
    """A file of tests for the rules of one alert alone: all of them in each test would take a minute."""
    group = {"name": alert, "rules": [rule for rule in rules() if rule["alert"] == alert]}
    (folder / f"{alert}.rules.yml").write_text(json.dumps({"groups": [group]}), encoding="utf-8")
    path = folder / f"{alert}.yml"
    path.write_text(json.dumps({"rule_files": [f"{alert}.rules.yml"], "tests": tests}), encoding="utf-8")
    return path


def test_promtool_is_content_with_the_rules() -> None:
    ran = promtool("check", "rules", *map(str, RULES))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_a_case() -> None:
    assert {rule["alert"] for rule in rules()} == {case.alert for case in CASES}


def test_every_alert_fires_when_it_has_to_and_rests_where_it_need_not(tmp_path: Path) -> None:
    files = []
    for alert, cases in itertools.groupby(CASES, lambda case: case.alert):
        tests = [(expectation(each, each.fires, fires=True), expectation(each, each.quiet, fires=False))
                 for each in cases]
        files.append(written(tmp_path, alert, *itertools.chain.from_iterable(tests)))
    ran = promtool("test", "rules", *map(str, files))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("fires", [True, False])
def test_a_case_that_is_wrong_is_seen(fires: bool, tmp_path: Path) -> None:
    wrong = expectation(CASES[0], CASES[0].quiet if fires else CASES[0].fires, fires=fires)
    assert promtool("test", "rules", str(written(tmp_path, CASES[0].alert, wrong))).returncode != 0
