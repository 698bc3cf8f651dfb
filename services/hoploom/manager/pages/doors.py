"""Doors to what stands beside a manager: Consul, Nomad, Fabio, metrics. Pure."""

from urllib.parse import urlsplit

from hoploom.kit.errors import ConfigError

Door = tuple[str, str]


def doors(setting: str) -> list[Door]:
    """Names and addresses.

    Args:
        setting: `NAME=URL`, separated by commas, such as "Consul=http://127.0.0.1:8500/ui/".

    Raises:
        ConfigError: A part has no name, or its address is none of http or https.
    """
    found = []
    for part in filter(None, map(str.strip, setting.split(","))):
        name, _, url = part.partition("=")
        if not name.strip() or urlsplit(url.strip()).scheme not in ("http", "https"):
            raise ConfigError(f"a door is NAME=URL with http or https, not {part[:80]!r}")
        found.append((name.strip(), url.strip()))
    return found
