"""Signatures: those of RFC 8032, and none that is nearly one."""

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.trust.keys import Signer, is_public, verify
from hoploom.wire.base64url import decoded, encoded

# RFC 8032, section 7.1, TEST 2.
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_the_signature_is_that_of_the_rfc() -> None:
    signer = Signer.from_bytes(SECRET)
    assert (decoded(signer.public, ""), decoded(signer.sign(b"\x72"), "")) == (PUBLIC, SIGNATURE)
    assert verify(encoded(PUBLIC), b"\x72", encoded(SIGNATURE))


def test_a_key_of_a_file_is_the_same_key() -> None:
    signer = Signer.new()
    assert Signer.from_bytes(signer.to_bytes()).public == signer.public != Signer.new().public


@pytest.mark.parametrize(
    ("why", "public", "message", "signature"),
    [
        ("another message", PUBLIC, b"\x73", SIGNATURE),
        ("another key", decoded(Signer.new().public, ""), b"\x72", SIGNATURE),
        ("a flipped bit", PUBLIC, b"\x72", bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]),
        ("a short signature", PUBLIC, b"\x72", SIGNATURE[:-1]),
        ("a long signature", PUBLIC, b"\x72", SIGNATURE + b"\0"),
        ("no signature", PUBLIC, b"\x72", b""),
        ("a short key", PUBLIC[:-1], b"\x72", SIGNATURE),
        ("a key that is no point of the curve", b"\xff" * 32, b"\x72", SIGNATURE),
        ("no key", b"", b"\x72", SIGNATURE),
    ],
)
def test_what_is_nearly_a_signature_is_none(why: str, public: bytes, message: bytes, signature: bytes) -> None:
    assert not verify(encoded(public), message, encoded(signature)), why


@pytest.mark.parametrize("text", ["", "%%", "=", "\ud800", encoded(SIGNATURE) + "="])
def test_malformed_text_verifies_nothing_and_is_no_key(text: str) -> None:
    assert not verify(text, b"\x72", encoded(SIGNATURE))
    assert not verify(encoded(PUBLIC), b"\x72", text)
    assert not is_public(text)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_damaged_key_file_is_said(length: int) -> None:
    with pytest.raises(ConfigError, match="a private key has 32 bytes"):
        Signer.from_bytes(b"x" * length)
