#!/usr/bin/python
"""Private keys, made on the host that uses them, and the requests with which an authority signs for them."""

import os
import shutil
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: private_keys
short_description: Make private keys where there are none, and requests for their certificates
description:
  - The keys (EC P-256) stay on the host. The requests carry nothing but the public key; the signer decides about names.
author: hoploom
options:
  keys:
    description: Owner (C(user:group)) of each key, by its path.
    type: dict
    required: true
"""


def make(path: Path, owner: str) -> None:
    """A new key, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    scratch = path.with_suffix(".new")
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(scratch)]
    before = os.umask(0o277)
    try:
        subprocess.run(command, check=True, capture_output=True)
    finally:
        os.umask(before)
    user, group = owner.split(":")
    shutil.chown(scratch, user, group)
    scratch.rename(path)


def request(path: Path) -> str:
    """A request for a certificate for this key, PEM."""
    command = ["openssl", "req", "-new", "-key", str(path), "-subj", "/CN=see-the-signer"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Ansible's entry point."""
    module = AnsibleModule(argument_spec={"keys": {"type": "dict", "required": True, "no_log": False}},
                           supports_check_mode=True)
    keys = {Path(path): owner for path, owner in module.params["keys"].items()}
    lacking = [path for path in keys if not path.exists()]
    if module.check_mode:
        module.exit_json(changed=bool(lacking), requests={})
    try:
        for path in lacking:
            make(path, keys[path])
        requests = {str(path): request(path) for path in keys}
    except (subprocess.CalledProcessError, LookupError, OSError) as error:
        said = getattr(error, "stderr", b"") or str(error)
        module.fail_json(msg=f"no key could be made: {said!r}")
    module.exit_json(changed=bool(lacking), requests=requests)


if __name__ == "__main__":
    main()
