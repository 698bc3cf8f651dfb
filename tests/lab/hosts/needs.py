"""Whether this machine can run a lab of hosts."""

import os
import shutil
import subprocess
import sys
import tempfile

COMMANDS = ("debootstrap", "systemd-nspawn", "nft", "ip", "unshare", "nsenter", "ssh", "ssh-keygen")


def unmet() -> str | None:
    """Why no lab can be here, as one sentence; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a lab of hosts needs Linux and root"
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    if missing:
        return f"a lab of hosts needs {', '.join(missing)}"
    if subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], check=False).returncode != 0:
        return "a lab of hosts needs to make namespaces, which is forbidden here"
    temporary = subprocess.run(["stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, check=True)
    if temporary.stdout.strip() == b"overlayfs":
        return "a lab of hosts needs a temporary folder that is no overlay itself: set TMPDIR"
    return None
