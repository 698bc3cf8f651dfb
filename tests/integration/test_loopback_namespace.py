"""An ordinary user without any socket probes loopback from a namespace of its own, and nothing beyond."""

import json
import subprocess
import sys

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.prober import loopback_namespace
from lab.ordinary_user import as_nobody, needs_setpriv

BEYOND = """
import errno, json, os
from hoploom.prober.loopback_namespace import open_sockets
ECHO = bytes([8, 0, 0xf7, 0xff, 0, 0, 0, 0])
sockets = open_sockets()
found = {"families": sorted(sockets), "user": os.getuid()}
for address in ("127.0.0.1", "127.255.0.9", "8.8.8.8", "10.0.0.1"):
    try:
        found[address] = sockets[4].sendto(ECHO, (address, 0))
    except OSError as error:
        found[address] = errno.errorcode[error.errno]
print(json.dumps(found))
"""
REFUSED = """
from hoploom.kit.errors import ConfigError
from hoploom.prober.loopback_namespace import open_sockets
try:
    open_sockets()
except ConfigError as error:
    print(error)
"""


@needs_setpriv
def test_its_sockets_reach_loopback_and_nothing_beyond() -> None:
    ran = as_nobody("-c", BEYOND)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["user"] == 65534 and 4 in found["families"]
    assert (found["127.0.0.1"], found["127.255.0.9"]) == (8, 8)
    assert (found["8.8.8.8"], found["10.0.0.1"]) == ("ENETUNREACH", "ENETUNREACH")


@needs_setpriv
def test_where_the_kernel_forbids_it_the_line_that_helps_is_said() -> None:
    forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    inside = ["unshare", "--net", "unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh"]
    ran = subprocess.run([*inside, sys.executable, "-c", REFUSED], capture_output=True, text=True, check=False)
    assert "(unshare: No space left on device)" in ran.stdout, ran.stderr
    assert "; allow it by: sudo sysctl -w user.max_user_namespaces=15000." in ran.stdout


@needs_setpriv
def test_a_child_that_ends_early_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback_namespace, "_CHILD", loopback_namespace._CHILD.with_name("nosuch.py"))
    with pytest.raises(ConfigError, match="its process ended early"):
        loopback_namespace.open_sockets()
