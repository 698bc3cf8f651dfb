"""Live pages: one look for all that are open, and word to them when there is something else to see.

Without it each page asks every two seconds; with it a page that nobody looks at costs what an idle worker does.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Never

from hoploom.kit import Mesh
from hoploom.kit.errors import Unavailable
from hoploom.manager.push.hub import Hub
from hoploom.wire.push import PAGE, encoded

EVERY_S = 2.0


async def follow(hub: Hub, look: Callable[[], Awaitable[bytes]]) -> Never:
    """Tell pages when they are old, for ever.

    Args:
        hub: Where they listen, without a name.
        look: What a page shows now.
    """
    known = b""
    while True:
        await asyncio.sleep(EVERY_S)
        if not hub.unnamed:
            continue
        try:
            found = hashlib.sha256(await look()).digest()
        except Unavailable:
            # Then pages ask themselves now and then, and say what is the matter.
            continue
        if found != known:
            known = found
            hub.say(encoded(PAGE), to="")


async def look(mesh: Mesh) -> bytes:
    """What a page would be given now, asked for as pages ask: what is wrong with it harms nobody else here.

    Raises:
        Unavailable: It cannot be shown.
    """
    answer = await mesh.http.request("GET", f"{mesh.url}/?part=main")
    if not answer.ok:
        raise Unavailable(f"the page cannot be shown: {answer.reason()}")
    return answer.body
