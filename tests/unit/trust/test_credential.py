"""Credentials: what is signed is read back, and whatever was changed, made up or expired is refused with a reason."""

import json

import pytest

from hoploom.kit.errors import Unauthorized
from hoploom.trust.credential import GRACE_S, MAX_LENGTH, issue, parsed, read
from hoploom.trust.keys import Signer
from hoploom.wire.base64url import decoded, encoded
from unit.trust.issuing import KID, MANAGER, NOW_S, OTHER_KID, credential

KEYS = {KID: MANAGER.public}
GOOD = issue(MANAGER, credential())


def signed(document: object, signer: Signer = MANAGER) -> str:
    message = f"hw1.{encoded(json.dumps(document).encode())}"
    return f"{message}.{signer.sign(message.encode())}"


def document(**changes: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(decoded(GOOD.split(".")[1], ""))
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def test_what_was_issued_is_read_back() -> None:
    assert read(GOOD, KEYS, NOW_S) == credential()
    assert len(GOOD) < MAX_LENGTH / 2


@pytest.mark.parametrize("late_s", [-3600, 0, GRACE_S])
def test_it_is_good_until_its_time_and_a_minute_of_grace(late_s: int) -> None:
    assert read(GOOD, KEYS, credential().expires_s + late_s).worker == "pi-1"


@pytest.mark.parametrize(
    ("why", "text", "keys", "reason"),
    [
        ("expired", issue(MANAGER, credential(expires_s=NOW_S - GRACE_S - 1)), KEYS, "expired 61 s ago"),
        ("a key that is gone", issue(MANAGER, credential(kid=OTHER_KID)), KEYS, "a key that is not known"),
        ("signed by itself", issue(Signer.new(), credential()), KEYS, "signature is wrong"),
        ("another name under an old signature",
         f"{issue(MANAGER, credential('pi-2')).rpartition('.')[0]}.{GOOD.rpartition('.')[2]}", KEYS, "signature is"),
        ("no signature", GOOD.rpartition(".")[0] + ".", KEYS, "signature is wrong"),
        ("the signature in two forms", GOOD + "=", KEYS, "signature is wrong"),
        ("empty", "", KEYS, "with a credential that a manager gave"),
        ("another scheme", "hw2" + GOOD[3:], KEYS, "with a credential that a manager gave"),
        ("too long", GOOD + "A" * MAX_LENGTH, KEYS, "with a credential that a manager gave"),
        ("no ASCII", GOOD[:-1] + "\N{LATIN SMALL LETTER E WITH ACUTE}", KEYS, "with a credential that a manager gave"),
        ("a payload that is no text", f"hw1.{encoded(bytes([0x8A]))}.AA", KEYS, "malformed: its payload is no JSON"),
        ("a payload that is no JSON", f"hw1.{encoded(b'x')}.AA", KEYS, "malformed"),
        ("a payload of deep JSON", f"hw1.{encoded(b'[' * 700)}.AA", KEYS, "malformed"),
        ("a list", signed([]), KEYS, "malformed"),
        ("another version", signed(document(v=2)), KEYS, "malformed"),
        ("no name", signed(document(worker=None)), KEYS, "malformed"),
        ("a name with a slash", signed(document(worker="../x")), KEYS, "malformed"),
        ("a name in capitals", signed(document(worker="Pi")), KEYS, "malformed"),
        ("no key of its own", signed(document(key="x")), KEYS, "malformed"),
        ("no time", signed(document(expires_s=None)), KEYS, "malformed"),
        ("a time that is no number", signed(document(expires_s=float("nan"))), KEYS, "malformed"),
        ("a time without end", signed(document(expires_s=2**70)), KEYS, "malformed"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_anything_else_is_refused(why: str, text: str, keys: dict[str, str], reason: str) -> None:
    with pytest.raises(Unauthorized, match=reason):
        read(text, keys, NOW_S)
    assert why


def test_every_changed_character_is_seen() -> None:
    for at, was in enumerate(GOOD):
        text = GOOD[:at] + ("A" if was != "A" else "B") + GOOD[at + 1 :]
        with pytest.raises(Unauthorized):
            read(text, KEYS, NOW_S)


def test_parsing_alone_believes_nobody() -> None:
    forged = issue(Signer.new(), credential("pi-2"))
    assert parsed(forged).claimed.worker == "pi-2"
