"""An ordinary user without any socket probes loopback from a namespace of its own, and nothing beyond."""

import json
import subprocess
import sys

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.prober import loopback_namespace
from hoploom.wire.batch import ANSWERED, FAILED
from lab.ordinary_user import as_nobody, needs_setpriv

BEYOND = """
import errno, json, os
from hoploom.prober.loopback_namespace import open_sockets
ECHO = bytes([8, 0, 0xf7, 0xff, 0, 0, 0, 0])
sockets = open_sockets()
found = {"families": sorted(sockets), "user": os.getuid()}
found["inherited"] = sum(each.get_inheritable() for each in sockets.values())
for address in ("127.0.0.1", "127.255.0.9", "8.8.8.8", "10.0.0.1"):
    try:
        found[address] = sockets[4].sendto(ECHO, (address, 0))
    except OSError as error:
        found[address] = errno.errorcode[error.errno]
print(json.dumps(found))
"""
PING = """
import asyncio, json, os, sys
import numpy as np
from hoploom.prober.interface import ProbeSettings, open_prober
from hoploom.wire.addresses import column

def block(count):
    rows = np.zeros((count, 16), np.uint8)
    rows[:, 10:12] = 255
    rows[:, 12:] = (np.arange(count, dtype=np.uint32) + 0x7F050000).astype(">u4").view(np.uint8).reshape(-1, 4)
    return rows

async def main():
    with open_prober(engine=sys.argv[1], loopback_will_do=True) as prober:
        near = await prober.ping(block(4096), ProbeSettings(timeout_s=2))
        far = await prober.ping(column(["8.8.8.8", "127.0.0.1", "10.0.0.1", "2001:4860::1", "::1"]), ProbeSettings())
        print(json.dumps({
            "name": prober.name, "only": prober.is_loopback_only, "user": os.getuid(),
            "near": np.bincount(near.outcome, minlength=4).tolist(), "rtt_us": int(near.rtt_max_us.max()),
            "far": far.outcome.tolist(), "sent": far.sent.tolist(),
        }))

asyncio.run(main())
"""
REFUSED = """
from hoploom.kit.errors import ConfigError
from hoploom.prober.interface import open_prober
try:
    open_prober(loopback_will_do=True)
except ConfigError as error:
    print(error)
"""


@needs_setpriv
def test_its_sockets_reach_loopback_and_nothing_beyond() -> None:
    ran = as_nobody("-c", BEYOND)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["user"], found["inherited"]) == (65534, 0) and 4 in found["families"]
    assert (found["127.0.0.1"], found["127.255.0.9"]) == (8, 8)
    assert (found["8.8.8.8"], found["10.0.0.1"]) == ("ENETUNREACH", "ENETUNREACH")


@needs_setpriv
@pytest.mark.parametrize("engine", ["linux", "portable"])
def test_a_prober_of_an_ordinary_user_finds_every_loopback_address_and_sends_nothing_beyond(engine: str) -> None:
    ran = as_nobody("-c", PING, engine)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["name"], found["only"]) == (f"{engine} raw (loopback only, own namespace)", True)
    assert found["user"] == 65534
    assert found["near"] == [4096, 0, 0, 0] and 0 < found["rtt_us"] < 1_000_000
    assert found["far"] == [FAILED, ANSWERED, FAILED, FAILED, ANSWERED]
    assert found["sent"] == [0, 1, 0, 0, 1]


@needs_setpriv
def test_it_is_the_last_resort() -> None:
    ran = as_nobody("-c", PING, "linux", in_range=True)
    assert json.loads(ran.stdout)["name"] == "linux datagram", ran.stderr


@needs_setpriv
def test_nobody_gets_it_without_asking() -> None:
    ran = as_nobody("-c", PING.replace("loopback_will_do=True", "loopback_will_do=False"), "linux")
    assert "NotAllowed" in ran.stderr and "ping_group_range" in ran.stderr


@needs_setpriv
def test_where_the_kernel_forbids_it_both_lines_that_help_are_said() -> None:
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    inside = ["unshare", "--net", "unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh"]
    ran = subprocess.run([*inside, sys.executable, "-c", REFUSED], capture_output=True, text=True, check=False)
    assert 'sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"' in ran.stdout
    assert "(unshare: No space left on device)" in ran.stdout, ran.stderr
    assert "; allow it by: sudo sysctl -w user.max_user_namespaces=15000." in ran.stdout


@needs_setpriv
def test_a_child_that_ends_early_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback_namespace, "_CHILD", loopback_namespace._CHILD.with_name("nosuch.py"))
    with pytest.raises(ConfigError, match="its process ended early"):
        loopback_namespace.open_sockets()
