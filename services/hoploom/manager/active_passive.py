"""Lets only the leader among the managers be ready, where the setting `active_passive` asks for it.

Sessions, users and all that pages show are the same at every manager, so nothing needs this. It is for whoever wants
one place where everything happens, and takes a gap of seconds when that one goes.
"""

import asyncio

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term

_TERMS = web.AppKey("active_passive_terms", list[Term])


def attach(app: web.Application) -> None:
    """Have a manager stand by while it does not lead; the role `manager` has to run `lead`."""
    terms: list[Term] = []
    app[_TERMS] = terms
    kit.mesh(app).standing_by = lambda: "" if terms else "another manager leads, or nobody does yet"


async def lead(app: web.Application, term: Term) -> None:
    """Be the one that serves, for as long as the term lasts; nothing where all serve."""
    if _TERMS not in app:
        return
    app[_TERMS].append(term)
    try:
        await asyncio.Event().wait()
    finally:
        app[_TERMS].remove(term)
