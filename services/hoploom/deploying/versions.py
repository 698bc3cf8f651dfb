"""What may be the version of a deployment: it becomes a tag in Consul, and stands in Fabio's `tags "..."`. Pure."""

import re

from hoploom.kit.errors import ConfigError

LONGEST = 64
# A comma, a space or a quote would end it in `route weight ... tags "1.4.1"`, a slash in a path or a key.
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+~-]*")


def checked(version: str) -> str:
    """The version itself.

    Raises:
        ConfigError: It could not be a tag that Fabio tells from others; 1.4.1, 2026-11-22 and a commit's hash could.
    """
    good = len(version) <= LONGEST and _VERSION.fullmatch(version) and any(each.isdigit() for each in version)
    if not good:
        raise ConfigError(
            f"{version!r} is no version: at most {LONGEST} letters, digits, dots and dashes with a digit among them, "
            "such as 1.4.1 or a commit's hash"
        )
    return version


def moved(text: str, old: str, new: str) -> str:
    """A text such as an archive's address with another version in it; empty where the old one does not stand there.

    A longer number that begins or ends alike is another version: 1.4.1 is not in orders-11.4.10.
    """
    after = r"(?![0-9A-Za-z]|\.[0-9])"
    bounded = re.compile(rf"((?<![0-9A-Za-z])|(?<=[-_/]v)){re.escape(old)}{after}")
    return bounded.sub(lambda _: new, text) if old and bounded.search(text) else ""
