"""Nomad's exec driver in a host of the lab: what an unprivileged task with CAP_NET_RAW is there, and may do."""

import json
from collections.abc import Iterator

import pytest

from lab.hosts import Host, Lab, unmet
from waiting import until

pytestmark = pytest.mark.skipif(unmet() is not None, reason=unmet() or "")
AGENT = """
data_dir = "/var/lib/nomad"
bind_addr = "127.0.0.1"
advertise {
  http = "127.0.0.1"
  rpc = "127.0.0.1"
  serf = "127.0.0.1"
}
server {
  enabled = true
  bootstrap_expect = 1
}
client {
  enabled = true
  chroot_env {
    "/lib" = "/lib"
    "/lib64" = "/lib64"
    "/usr/bin/python3.11" = "/usr/bin/python3"
    "/usr/lib/python3.11" = "/usr/lib/python3.11"
  }
}
plugin "exec" {
  config {
    allow_caps = ["net_raw"]
  }
}
"""
UNIT = """
[Service]
ExecStart=/usr/local/bin/nomad agent -config=/etc/nomad.hcl
KillMode=process
Delegate=yes
"""
# It says who it is, and opens sockets for raw packets, which is all that it can: on a bare Debian 12 no group may ping.
TASK = """
import json, os, socket
ids = {"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "root": sorted(os.listdir("/usr"))}
for family, protocol in ((socket.AF_INET, socket.IPPROTO_ICMP), (socket.AF_INET6, socket.IPPROTO_ICMPV6)):
    socket.socket(family, socket.SOCK_RAW, protocol).close()
print(json.dumps(ids))
"""
JOB = {
    "ID": "probe",
    "Type": "batch",
    "TaskGroups": [
        {
            "Name": "probe",
            "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
            "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
            "Tasks": [
                {
                    "Name": "probe",
                    "Driver": "exec",
                    "User": "nobody",
                    "Config": {
                        "command": "/usr/bin/python3",
                        "args": ["-c", TASK],
                        "cap_drop": ["all"],
                        "cap_add": ["net_raw"],
                    },
                    "Resources": {"CPU": 50, "MemoryMB": 64},
                }
            ],
        }
    ],
}
NOMAD = "http://127.0.0.1:4646/v1"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab([Host("a1")]) as lab:
        yield lab


def test_a_task_of_the_exec_driver_opens_raw_sockets_as_nobody_in_the_group_of_root(lab: Lab) -> None:
    _start_nomad(lab)
    _write(lab, "/root/job.json", json.dumps({"Job": JOB}))
    until("a node", lambda: '"ready"' in lab.ssh("a1", f"curl -s {NOMAD}/nodes").out, within_s=60)
    assert lab.ssh("a1", f"curl -sf --data @/root/job.json {NOMAD}/jobs").rc == 0
    until("the task's end", lambda: '"dead"' in lab.ssh("a1", f"curl -s {NOMAD}/job/probe").out, within_s=60)
    said = lab.ssh("a1", "cat /var/lib/nomad/alloc/*/alloc/logs/probe.std*.0").out
    assert said, lab.ssh("a1", f"curl -s {NOMAD}/job/probe/allocations").out
    # Surprising, and true of Nomad 1.11: the driver sets the user alone, so no group of the user opens a file for it.
    assert json.loads(said) == {"uid": 65534, "gid": 0, "groups": [], "root": ["bin", "lib"]}


def _start_nomad(lab: Lab) -> None:
    archive = next(path.name for path in lab.mirror_folder.glob("nomad_*.zip"))
    _write(lab, "/etc/nomad.hcl", AGENT)
    _write(lab, "/etc/systemd/system/nomad.service", UNIT)
    started = lab.ssh(
        "a1",
        f"set -e; curl -sf -o /tmp/nomad.zip {lab.mirror}/{archive}; unzip -q -d /usr/local/bin /tmp/nomad.zip;"
        "chmod +x /usr/local/bin/nomad; systemctl daemon-reload; systemctl start nomad",
    )
    assert started.rc == 0, started.err


def _write(lab: Lab, path: str, text: str) -> None:
    assert lab.ssh("a1", f"cat > {path} <<'END'\n{text}\nEND").rc == 0
