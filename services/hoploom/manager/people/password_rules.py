"""Which passwords are taken. Pure but for the list of much used ones, which is read when it is first needed.

Source: OWASP ASVS 5.0, 6.2 (length, no truncation, common passwords); NIST SP 800-63B-4, 3.1.1.2 (normalisation).
"""

from __future__ import annotations

import functools
import unicodedata

from hoploom.kit.errors import Unprocessable

LEAST, ADVISED = 12, 15
"""Characters; a site that has no second factor is advised to ask for 15."""

MOST_BYTES = 1024
"""More is refused, and never cut: a hash of a part would open for the part."""

COMMON = 3_000
"""So many of the most used passwords are refused, however long."""


def normal(password: str) -> bytes:
    """A password as it is hashed: the same whichever keyboard composes its letters (NFKC), in UTF-8."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def require(password: str, name: str) -> None:
    """Refuse a password that is guessed first.

    Args:
        password: As it was typed.
        name: Whose it is to be.

    Raises:
        Unprocessable: With the reason, and what would do.
    """
    if len(normal(password)) > MOST_BYTES:
        raise Unprocessable(f"this password has more than {MOST_BYTES} bytes")
    if len(password) < LEAST:
        raise Unprocessable(f"a password has at least {LEAST} characters; {ADVISED} and more are better")
    plain = password.casefold()
    if plain in _common():
        raise Unprocessable(f"this password is one of the {COMMON:,} that are used most: think of another one")
    if name.casefold() in (plain, plain[::-1]) or not plain.replace(name.casefold(), "").strip("0123456789 !?.-_"):
        raise Unprocessable("this password is the name: think of another one")
    if len(set(plain)) == 1:
        raise Unprocessable("this password is one character again and again: think of another one")


@functools.cache
def _common() -> frozenset[str]:
    # 0.1 s and some megabytes, which a manager that sets no password does without.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415

    return frozenset(FREQUENCY_LISTS["passwords"][:COMMON])
