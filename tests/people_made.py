"""People who are signed in, for tests of what needs somebody: the headers that their browsers would send."""

import secrets

from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.manager.people import users
from hoploom.manager.people.kv_users import PREFIX
from hoploom.manager.people.users import User
from hoploom.manager.sessions import cookie, record
from hoploom.manager.sessions.record import Session
from hoploom.wire.people import Role

NAMES = {Role.VIEWER: "vera", Role.OPERATOR: "olga", Role.ADMIN: "ada"}


async def signed_in(consul: ConsulApi, role: Role = Role.VIEWER) -> dict[str, str]:
    """Sign somebody in, and give what the browser sends: the cookie, the word against forgery, and where it is.

    Such as `TestClient(server, headers=await signed_in(fake_consul, Role.OPERATOR))`.

    Args:
        consul: Where the mesh of the test keeps its keys.
        role: What the person may do.
    """
    session_id, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    now_us = wall_us()
    session = Session(
        digest=record.digest(session_id), user=NAMES[role], changed=0, role=role, created_us=now_us, csrf=csrf,
        address="127.0.0.1", seen_us=now_us,
    )  # fmt: skip
    user = User(name=NAMES[role], role=role, hash="$argon2id$none", since_us=now_us)
    await consul.kv_put(f"{PREFIX}{user.name}", users.packed(user), cas=0)
    await consul.kv_put(session.key, record.packed(session))
    cookies = "; ".join(f"{name}={session_id}" for name in (cookie.SECURE, cookie.PLAIN))
    return {"Cookie": cookies, "X-CSRF": csrf, "Sec-Fetch-Site": "same-origin"}
