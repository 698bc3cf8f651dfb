"""What the program that asks by the kit is told, and how its account is read."""

import json
import sys
import time
from pathlib import Path

from lab.deploys_callers import Callers, Way
from vegeta import Sent, Target

# Says what it was told, and that of one request nothing came, as if it had been sent an hour from now.
ECHO = """
import json, sys, time
told = json.loads(sys.stdin.readline())
open(sys.argv[1], "w").write(json.dumps(told))
sys.stdin.read()
print(json.dumps([[time.time() + 3600, 0.5, "GET", "/orders", 0, "no answer", True, False]]))
"""
ASKED = {
    "input": [Target("GET", "http://127.0.0.1:1/api/v1/campaigns?limit=1", headers={"X-Who": "me"})],
    "output": [Target("GET", "/a"), Target("POST", "/b", b"xyz", good=(200, 409))],
}


def test_it_is_told_what_to_ask_in_turn_and_says_what_came_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ECHO, str(tmp_path / "told")]
    way = Way("http://127.0.0.1:8500", "http://127.0.0.1:9999", "/etc/token")
    with Callers(way, ASKED, per_s=50, at_most_s=60, command=command) as callers:
        assert callers.account().sent == ()
    told = json.loads((tmp_path / "told").read_text(encoding="utf-8"))
    assert (told["consul"], told["token_file"], told["per_s"], told["at_most_s"]) == (way.consul, "/etc/token", 50, 60)
    assert [(each["service"], each["method"], each["path"]) for each in told["asked"]] == [
        ("input", "GET", "/api/v1/campaigns?limit=1"), ("output", "GET", "/a"),
        ("input", "GET", "/api/v1/campaigns?limit=1"), ("output", "POST", "/b"),
    ]  # fmt: skip
    assert (told["asked"][0]["headers"], told["asked"][3]["body"]) == ({"X-Who": "me"}, "eHl6")
    [sent] = callers.account().sent
    assert sent[1:] == Sent(sent.at_s, 0.5, "GET", "/orders", 0, "no answer", True, False)[1:]
    assert callers.account(0, time.time()).sent == ()
