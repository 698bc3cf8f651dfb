"""The call to the provider: at most one request, no redirect, no retry, nothing after its time.

Nobody at the other end checks a token, so the last look at the time and the term is made when the connection stands
and its first byte has not been written. A process that was stopped before does not send when it goes on.

Source: Dyn, "Perform Update" of the Remote Access Update API: GET with Basic authentication and a comma list of names.
"""

import asyncio
import base64
from collections.abc import Callable, Sequence

import aiohttp
from aiohttp.client_reqrep import ClientResponse
from aiohttp.connector import Connection

from hoploom.kit.errors import Unavailable
from hoploom.manager.dyfi import answers
from hoploom.manager.dyfi.account import Account
from hoploom.manager.dyfi.answers import Answer

CALL_S = 5.0
"""From the look-up of the provider's name to the last byte of its answer."""

_MOST_BYTES = 4096
"""Twenty names take less; a page of a captive portal is not read to its end."""


class TooLate(Unavailable):
    """The term or the call's time was over before the first byte was sent: nothing was sent."""


async def tell(account: Account, names: Sequence[str], may: Callable[[], bool]) -> tuple[Answer, ...]:
    """Ask the provider to let names point to where this request comes from.

    Args:
        account: The account.
        names: Names of it.
        may: Whether the request may still be sent; asked immediately before.

    Returns:
        The answer about each name.

    Raises:
        TooLate: Nothing was sent.
        Unavailable: No answer came within `CALL_S` seconds; nobody knows whether the provider has heard the request.
    """
    url = account.url.update_query({"hostname": ",".join(names)})
    login = base64.b64encode(f"{account.user}:{account.password}".encode()).decode()
    headers = {"User-Agent": account.agent, "Accept": "text/plain", "Authorization": f"Basic {login}"}
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with (
            asyncio.timeout(CALL_S),
            aiohttp.ClientSession(connector=connector, request_class=_checked(may), trust_env=False) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            return answers.read(answer.status, await _body(answer), names)
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{url.host} gave no answer ({str(error) or type(error).__name__})") from error


def _checked(may: Callable[[], bool]) -> type[aiohttp.ClientRequest]:
    class Checked(aiohttp.ClientRequest):
        """A request that looks once more before its first byte."""

        async def send(self, conn: Connection) -> ClientResponse:
            if not may():
                raise TooLate("the call was not made: its time was over before it began")
            return await super().send(conn)

    return Checked


async def _body(answer: ClientResponse) -> bytes:
    body = b""
    while len(body) < _MOST_BYTES and (part := await answer.content.read(_MOST_BYTES - len(body))):
        body += part
    return body
