#!/usr/bin/python
"""What a host is and what is on it already, read in one go; changes nothing and returns no secret."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: host_state
short_description: What a host is and what is on it already
description:
  - Reads architecture, Python, systemd units, engines, certificates and fingerprints of gossip keys.
author: hoploom
options: {}
"""

ENGINES = ("consul", "nomad", "fabio")
UNITS = ("consul", "nomad", "nomad-server", "fabio", "prometheus")
CERTIFICATES = {
    "consul": "/etc/consul.d/tls/cert.pem",
    "nomad": "/etc/nomad.d/tls/cert.pem",
    "fabio": "/etc/fabio/tls/mesh-cert.pem",
}
KEYRINGS = {
    "consul": "/var/lib/consul/serf/local.keyring",
    "nomad": "/var/lib/nomad/server/server/serf.keyring",
}


def text(path: str) -> str:
    """Content of a file, or nothing where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def version(engine: str) -> str:
    """Which version our link in /usr/local/bin names: it points to .../NAME-VERSION/NAME."""
    link = f"/usr/local/bin/{engine}"
    folder = Path(os.readlink(link)).parent.name if os.path.islink(link) else ""
    return folder.removeprefix(f"{engine}-") if folder.startswith(f"{engine}-") else ""


def keyring(path: str) -> list[str]:
    """SHA-256 of each gossip key that an agent keeps."""
    found = text(path)
    return [hashlib.sha256(str(key).encode()).hexdigest() for key in json.loads(found)] if found else []


def active(unit: str) -> bool:
    """Whether systemd runs this unit now."""
    done = subprocess.run(["systemctl", "is-active", "--quiet", f"{unit}.service"], check=False)
    return done.returncode == 0


def interfaces() -> dict[str, str]:
    """Name of the interface that has an address, by address."""
    done = subprocess.run(["ip", "-json", "address"], check=False, capture_output=True, text=True)
    links = json.loads(done.stdout or "[]")
    return {each["local"]: link["ifname"] for link in links for each in link.get("addr_info", ()) if "local" in each}


def state() -> dict[str, object]:
    """Everything; see the keys."""
    system = text("/etc/os-release")
    return {
        "arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "python": ".".join(map(str, sys.version_info[:2])),
        "hostname": platform.node(),
        "debian": "ID=debian" in system or "ID_LIKE=debian" in system,
        "systemd": os.path.isdir("/run/systemd/system"),
        "openssl": shutil.which("openssl") is not None,
        "interfaces": interfaces(),
        "versions": {name: version(name) for name in ENGINES},
        "units": {name: active(name) for name in UNITS},
        "certificates": {name: text(path) for name, path in CERTIFICATES.items()},
        "keyrings": {name: keyring(path) for name, path in KEYRINGS.items()},
    }


def main() -> None:
    """Ansible's entry point."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, **state())


if __name__ == "__main__":
    main()
