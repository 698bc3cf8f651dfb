"""Forms as browsers send them, read without trust in what they say of themselves."""

import zlib
from collections.abc import Mapping

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hoploom.kit.errors import BadRequest, TooLarge


async def read_form(request: web.Request, *, files: bool = False) -> Mapping[str, str | web.FileField]:
    """What a form sent: the last of each name.

    Args:
        request: Of the form.
        files: Whether it may have files. Each part of such a form names its own charset, so it is not for strangers.

    Raises:
        TooLarge: The body is longer than the application's `client_max_size`.
        BadRequest: It is none of a form, or in another charset than UTF-8, which browsers send.
    """
    if request.content_type == "multipart/form-data" and not files:
        raise BadRequest("this form takes no files: send it as application/x-www-form-urlencoded")
    if (request.charset or "utf-8").lower() != "utf-8":
        # Python's decoder of punycode takes minutes for a megabyte, and the loop with it.
        raise BadRequest("a form is sent in UTF-8")
    try:
        sent = await request.post()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge(f"the body is over the limit of {request.client_max_size} bytes") from error
    except (ValueError, LookupError, RuntimeError, zlib.error, HttpProcessingError) as error:
        # Malformed multipart, bytes that are no text of their charset, and charsets and encodings that nobody knows.
        raise BadRequest("the body is none that a form sends") from error
    return {name: value if isinstance(value, str | web.FileField) else "" for name, value in sent.items()}
