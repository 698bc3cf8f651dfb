#!/usr/bin/python
"""Many small files in one go, such as tokens and certificates: what they say is never shown."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: private_files
short_description: Write many small files in one go, without showing what they say
description:
  - Each file appears whole or not at all, with its owner and mode from the first instant.
author: hoploom
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path; its folder is made where there is none.
        type: path
        required: true
      content:
        description: What it says.
        type: str
        required: true
      owner:
        description: User.
        type: str
        default: root
      group:
        description: Group.
        type: str
        default: root
      mode:
        description: Octal mode.
        type: str
        default: "0400"
"""


class Wanted(NamedTuple):
    """One file as it shall be."""

    path: Path
    content: bytes
    owner: str
    group: str
    mode: int

    @classmethod
    def of(cls, given: dict[str, str]) -> "Wanted":
        """From the module's argument."""
        content = given["content"].rstrip("\n") + "\n"
        return cls(Path(given["path"]), content.encode(), given["owner"], given["group"], int(given["mode"], 8))

    def is_there(self) -> bool:
        """Whether the file says this and belongs to whom it shall."""
        try:
            found = self.path.stat()
            ids = (pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid)
            same = (found.st_uid, found.st_gid) == ids and stat.S_IMODE(found.st_mode) == self.mode
            return same and self.path.read_bytes() == self.content
        except (FileNotFoundError, NotADirectoryError, KeyError):
            return False

    def write(self) -> None:
        """Put it there; raises KeyError when its owner does not exist."""
        ids = (pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        scratch = self.path.with_name(f".{self.path.name}.new")
        scratch.unlink(missing_ok=True)
        handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self.content)
            os.fchown(file.fileno(), *ids)
            os.fchmod(file.fileno(), self.mode)
            os.fsync(file.fileno())
        scratch.replace(self.path)


def main() -> None:
    """Ansible's entry point."""
    each = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str", "required": True, "no_log": True},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
        "mode": {"type": "str", "default": "0400"},
    }
    spec = {"files": {"type": "list", "elements": "dict", "required": True, "options": each}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    files = [Wanted.of(given) for given in module.params["files"]]
    changed = [file for file in files if not file.is_there()]
    if not module.check_mode:
        for file in changed:
            try:
                file.write()
            except (KeyError, OSError) as error:
                module.fail_json(msg=f"{file.path} cannot be written: {error}")
    module.exit_json(changed=bool(changed), written=[str(file.path) for file in changed])


if __name__ == "__main__":
    main()
