"""What the mesh calls its things in an engine that it shares with strangers: keys, services and routes. Pure.

Everywhere else a key is `hoploom/...`, a service `input`, a route `/dump`. Where Consul, Nomad or Fabio are somebody
else's, each gets a beginning of our own on its way out (`consul_api`, `registration`) and loses it on its way in.
"""

import re
from dataclasses import dataclass, replace

from hoploom.kit.errors import ConfigError
from hoploom.kit.tag_options import Proto
from hoploom.kit.tags import Route

DEFAULT_PREFIX = "hoploom"
_PREFIX = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_ROUTE_PREFIX = re.compile(r"(/[a-z0-9][a-z0-9._-]*)*")
# The protocols of which Fabio takes a part of the path away.
_BY_PATH = frozenset({Proto.HTTP, Proto.HTTPS})
_FABIO_KEYS = "fabio/"
_RULE = re.compile(r'^(key|key_prefix|service|query_prefix|node_prefix)(\s+)"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Names:
    """How a mesh's own names are written where others have theirs.

    Attributes:
        prefix: First part of every key; stands in the place of `hoploom`.
        service_prefix: Before the name of every service, such as "hoploom-"; empty for none.
        route_prefix: Before the path of every route, such as "/hoploom"; Fabio takes it away again.
    """

    prefix: str = DEFAULT_PREFIX
    service_prefix: str = ""
    route_prefix: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigError for a prefix that cannot be part of a key, a service name or a route."""
        if not _PREFIX.fullmatch(self.prefix):
            raise ConfigError(f"a prefix is lower-case letters, digits and dashes, not {self.prefix!r}")
        if self.service_prefix and not _PREFIX.fullmatch(self.service_prefix):
            raise ConfigError(
                f"a prefix of services is lower-case letters, digits and dashes, not {self.service_prefix!r}"
            )
        if not _ROUTE_PREFIX.fullmatch(self.route_prefix):
            raise ConfigError(f"a prefix of routes is like /hoploom, not {self.route_prefix!r}")

    @classmethod
    def apart(cls, prefix: str) -> "Names":
        """Everything under one prefix, for a mesh among strangers."""
        return cls(prefix, f"{prefix}-", f"/{prefix}")

    def key(self, key: str) -> str:
        """A key of the KV store as Consul has it; one that does not begin with `hoploom/` is not the mesh's own."""
        return _swapped(key, DEFAULT_PREFIX, self.prefix)

    def plain_key(self, key: str) -> str:
        """A key of Consul's as it is called everywhere else."""
        return _swapped(key, self.prefix, DEFAULT_PREFIX)

    def service(self, name: str) -> str:
        """A service's name as Consul has it."""
        return f"{self.service_prefix}{name}"

    def query(self, service: str) -> str:
        """The name of a service's prepared query, which all datacenters of a Consul share."""
        return f"{self.prefix}-{service}"

    def plain_service(self, name: str) -> str:
        """A service's name in Consul as it is called everywhere else."""
        return name.removeprefix(self.service_prefix)

    def route(self, route: Route) -> Route:
        """A route as Fabio gets it: below our path, which the instance never sees."""
        if not self.route_prefix or route.proto not in _BY_PATH:
            return route
        return replace(route, path=f"{self.route_prefix}{route.path}", strip=f"{self.route_prefix}{route.strip}")

    @property
    def shares_key(self) -> str:
        """Our key among Fabio's overrides; among strangers that of a Fabio of ours, which keeps to the prefix."""
        own = f"{_FABIO_KEYS}config/{self.prefix}"
        return f"{DEFAULT_PREFIX}/{own}" if self.service_prefix else own

    def policy(self, rules: str) -> str:
        """An ACL policy of Consul's (one of consul/policies/) for these names."""
        return _RULE.sub(self._rule, rules)

    def _rule(self, found: re.Match[str]) -> str:
        kind, blank, name = found.groups()
        if name.startswith(_FABIO_KEYS):
            # Among strangers a Fabio of ours keeps to the prefix (fabio/fabio.properties.j2).
            own = f"{self.prefix}/{name}" if self.service_prefix else name
        else:
            own = self.key(name) if kind.startswith("key") else self.service(name)
        return f'{kind}{blank}"{own}"'


PLAIN = Names()
"""A mesh of one's own."""


def _swapped(key: str, old: str, new: str) -> str:
    return f"{new}{key.removeprefix(old)}" if key == old or key.startswith(f"{old}/") else key
