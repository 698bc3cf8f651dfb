"""Ed25519 keys: a signer with its private half, and the check of a signature by the public half alone.

The only module that imports the library of ciphers, and not before something is signed or verified: it takes 6 MB,
which a worker that has joined nothing needs for nothing. A private key lives in memory, or in a file of 32 raw bytes
and mode 0600 that its owner writes; it never stands in a flag, a log line or the KV store.

Source: RFC 8032, section 5.1 (Ed25519).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.wire.base64url import decoded, encoded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES = 32
SIGNATURE_BYTES = 64


class Signer:
    """The private half of a key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        """Made by `new` and `from_bytes`."""
        self._private = private

    @classmethod
    def new(cls) -> Signer:
        """A fresh key from the system's randomness."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Signer:
        """The key of a file.

        Args:
            raw: 32 bytes, as `to_bytes` gives them.

        Raises:
            ConfigError: There are more or fewer.
        """
        if len(raw) != KEY_BYTES:
            raise ConfigError(f"a private key has {KEY_BYTES} bytes, not {len(raw)}: it is damaged, or no key")
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    def to_bytes(self) -> bytes:
        """The private key, 32 raw bytes, for a file of mode 0600."""
        return self._private.private_bytes_raw()

    @cached_property
    def public(self) -> str:
        """The public half, 32 bytes as base64url."""
        return encoded(self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> str:
        """The signature of a message, 64 bytes as base64url; the same message has always the same one."""
        return encoded(self._private.sign(message))


def verify(public: str, message: bytes, signature: str) -> bool:
    """Whether the owner of a key has signed a message; False too for a key or a signature that is none.

    Args:
        public: The public half, as `Signer.public` writes it.
        message: What was signed.
        signature: As `Signer.sign` writes it.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        key, sent = decoded(public, "a public key"), decoded(signature, "a signature")
        if len(key) != KEY_BYTES or len(sent) != SIGNATURE_BYTES:
            return False
        Ed25519PublicKey.from_public_bytes(key).verify(sent, message)
    except (BadRequest, InvalidSignature, ValueError):
        return False
    return True


def is_public(text: str) -> bool:
    """Whether a text is written as a public key is; whether anybody has its private half shows a signature only."""
    try:
        return len(decoded(text, "a public key")) == KEY_BYTES
    except BadRequest:
        return False
