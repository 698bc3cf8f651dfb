"""The mesh library: puts any aiohttp application on Consul and Fabio in two lines.

    kit.setup(app, name="orders", routes=["/orders"], ready=[database_answers])
    kit.run(app)

These names are its whole public interface, under semantic versioning. It imports no service of the mapper. Each name is
brought in when it is first asked for, so that whoever needs the errors alone does not wait for an HTTP library.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoploom.kit import credentials, errors, metrics
    from hoploom.kit.asking import client, me, mesh
    from hoploom.kit.balance import ServiceClient
    from hoploom.kit.errors import NotReady
    from hoploom.kit.http_app import read_json, setup
    from hoploom.kit.lifecycle import background, health_routes, on_drain, on_left, run
    from hoploom.kit.membership import Mesh
    from hoploom.kit.ports import Port
    from hoploom.kit.settings import Settings, load, setting
    from hoploom.kit.term import Term, TermEnded

__all__ = [
    "Mesh",
    "NotReady",
    "Port",
    "ServiceClient",
    "Settings",
    "Term",
    "TermEnded",
    "background",
    "client",
    "credentials",
    "errors",
    "health_routes",
    "load",
    "me",
    "mesh",
    "metrics",
    "on_drain",
    "on_left",
    "read_json",
    "run",
    "setting",
    "setup",
]

# No module may have the name of something in another: importing it would put it in that one's place.
_MODULES = {
    "asking": ("client", "me", "mesh"),
    "balance": ("ServiceClient",),
    "errors": ("NotReady",),
    "http_app": ("read_json", "setup"),
    "lifecycle": ("background", "health_routes", "on_drain", "on_left", "run"),
    "membership": ("Mesh",),
    "ports": ("Port",),
    "settings": ("Settings", "load", "setting"),
    "term": ("Term", "TermEnded"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
_WHOLE = ("credentials", "errors", "metrics")


if not TYPE_CHECKING:  # a type checker would take every name for public

    def __getattr__(name: str) -> Any:
        """Bring in a public name (PEP 562)."""
        if name in _WHOLE:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """The public names, brought in or not."""
    return sorted({*globals(), *__all__})
