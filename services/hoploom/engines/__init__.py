"""Consul, Nomad and Fabio as executables on this machine: found, fetched or built.

`ensure` makes what is missing and hands back where each engine is; `found` only looks. Starting the engines is another
matter, of `agents`. Nothing here knows a service.
"""

from hoploom.engines.engine import Engine
from hoploom.engines.provide import NAMES, Finding, ensure, found
from hoploom.engines.site import Site

__all__ = ["NAMES", "Engine", "Finding", "Site", "ensure", "found"]
