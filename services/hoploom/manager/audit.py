"""What people change is written down: in the log at once, and the newest of it where every manager reads it."""

import logging

from aiohttp import web

from hoploom.kit.clock import wall_us
from hoploom.kit.logs import request_id
from hoploom.manager.access import Person
from hoploom.manager.audit_ring import RING, Entry

log = logging.getLogger(__name__)


def audit(at: web.Request | web.Application, who: Person | str, action: str, what: str) -> None:
    """Write down that somebody has changed something.

    Args:
        at: The request by which it was done, or the application.
        who: Who did it.
        action: What was done, in a word or two: "sign-in", "pause", "opt out".
        what: To what, with all that somebody needs who asks in a month; never a secret.
    """
    app = at.app if isinstance(at, web.Request) else at
    name = who if isinstance(who, str) else f"{who.name} ({who.role.word})"
    log.info("audit: %s: %s: %s, by request %s", name, action, what, request_id.get())
    if RING in app:
        app[RING].add(Entry(at_us=wall_us(), who=name, action=action, what=what, request=request_id.get()))
