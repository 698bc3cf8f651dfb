"""Whether this machine can run a lab of hosts."""

import os
import shutil
import sys

COMMANDS = ("debootstrap", "systemd-nspawn", "nft", "ip", "unshare", "nsenter", "ssh", "ssh-keygen")


def unmet() -> str | None:
    """Why no lab can be here, as one sentence; None where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a lab of hosts needs Linux and root"
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    return f"a lab of hosts needs {', '.join(missing)}" if missing else None
