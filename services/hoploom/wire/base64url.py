"""Bytes as text for URLs, headers and JSON: base64url without padding, in the one way to write them. Pure.

Source: RFC 4648, section 5; the strictness is that of its section 3.5.
"""

import base64
import binascii

from hoploom.kit.errors import BadRequest


def encoded(data: bytes) -> str:
    """Bytes as text, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(text: str, what: str) -> bytes:
    """The bytes of a text.

    Args:
        text: What somebody sent.
        what: What it should be, such as "a signature", for the reason.

    Raises:
        BadRequest: It is no base64url, or written in another way than `encoded` does.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadRequest(f"{what} is no base64url") from error
    # Otherwise one value had many texts: spare bits in the last character, padding, the other alphabet.
    if encoded(data) != text:
        raise BadRequest(f"{what} is no base64url in its one form")
    return data
