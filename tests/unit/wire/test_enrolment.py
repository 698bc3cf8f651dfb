"""Tokens as people type them, and the messages of joining, renewing and leaving."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire.enrolment import (
    TOKEN_BYTES,
    Enrolled,
    EnrolRequest,
    Proof,
    challenge_message,
    proof_message,
    token_digest,
    token_text,
)

KEY, SIGNATURE = "k" * 43, "s" * 86
REQUEST = EnrolRequest(token="7QK2-M0XD-93FA-TZ4C", key=KEY, proof=SIGNATURE, version="0.1.0", machine="aarch64")
PROOF = Proof(name="pi-attic", challenge="hc1.abc.def", signature=SIGNATURE)
ANSWER = Enrolled(
    name="pi-attic", number=2_000_000_017, credential="hw1.a.b", ttl_s=21600, gateway=False, push=True,
    managers=("https://map.example.org",), highest_boot=3, max_rate_pps=200,
)


@pytest.mark.parametrize(
    ("random", "text"),
    [
        (bytes(TOKEN_BYTES), "0000-0000-0000-0000"),
        (b"\xff" * TOKEN_BYTES, "ZZZZ-ZZZZ-ZZZZ-ZZZZ"),
        ((1).to_bytes(TOKEN_BYTES), "0000-0000-0000-0001"),
        ((31 << 75).to_bytes(TOKEN_BYTES), "Z000-0000-0000-0000"),
    ],
)
def test_a_token_is_four_groups_of_four(random: bytes, text: str) -> None:
    assert token_text(random) == text


@pytest.mark.parametrize(
    "typed", ["7qk2-m0xd-93fa-tz4c", "7QK2M0XD93FATZ4C", " 7QK2 MOXD 93FA TZ4C ", "7QK2-MoXD-93FA-TZ4C"]
)
def test_a_token_is_the_same_however_it_is_typed(typed: str) -> None:
    assert token_digest(typed) == token_digest("7QK2-M0XD-93FA-TZ4C")


def test_i_and_l_are_read_as_one() -> None:
    assert token_digest("IL11-0000-0000-0000") == token_digest("1111-0000-0000-0000")


@pytest.mark.parametrize("typed", ["", "7QK2", "7QK2-M0XD-93FA-TZ4CX", "7QK2-M0XD-93FA-TZ4U", "ÄQK2-M0XD-93FA-TZ4C"])
def test_what_is_no_token_is_said_to_be_none(typed: str) -> None:
    with pytest.raises(BadRequest, match="16 letters and digits"):
        token_digest(typed)


@pytest.mark.parametrize("message", [REQUEST, PROOF, ANSWER], ids=["a request", "a proof", "an answer"])
def test_a_message_travels_unchanged_through_json(message: EnrolRequest | Proof | Enrolled) -> None:
    assert type(message).from_json(json.loads(json.dumps(message.to_json()))) == message


def test_an_answer_of_an_older_manager_has_defaults() -> None:
    document = {"v": 1, "name": "pi-attic", "number": 2_000_000_017, "credential": "hw1.a.b", "ttl_s": 21600}
    whole = replace(ANSWER, gateway=True, push=False, managers=(), highest_boot=0, max_rate_pps=0)
    assert Enrolled.from_json(document) == whole


@pytest.mark.parametrize(
    ("message", "change", "error", "words"),
    [
        (REQUEST, {"v": 2}, Unprocessable, "version"),
        (REQUEST, {"key": "k" * 44}, Unprocessable, "key of"),
        (REQUEST, {"key": None}, BadRequest, "lacks key"),
        (REQUEST, {"proof": "s" * 85}, Unprocessable, "proof of"),
        (REQUEST, {"token": "x" * 65}, Unprocessable, "token of"),
        (REQUEST, {"machine": "a\nb"}, Unprocessable, "machine of"),
        (PROOF, {"name": "../x"}, Unprocessable, "name of"),
        (PROOF, {"name": "Pi"}, Unprocessable, "name of"),
        (PROOF, {"challenge": "a b"}, Unprocessable, "challenge of"),
        (PROOF, {"signature": 7}, BadRequest, "wrong type"),
        (ANSWER, {"ttl_s": 0}, Unprocessable, "ttl_s of"),
        (ANSWER, {"credential": "a\r\nX: y"}, Unprocessable, "credential of"),
        (ANSWER, {"managers": ["x"] * 65}, Unprocessable, "65 entries"),
        (ANSWER, {"max_rate_pps": -1}, Unprocessable, "max_rate_pps of"),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    message: EnrolRequest | Proof | Enrolled, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        type(message).from_json({**message.to_json(), **change})


def test_what_is_signed_for_one_thing_is_signed_for_no_other() -> None:
    messages = {
        proof_message("ab", KEY), proof_message("ac", KEY), challenge_message("renew", "pi", "c"),
        challenge_message("leave", "pi", "c"), challenge_message("renew", "pj", "c"),
        challenge_message("renew", "pi", "d"),
    }
    assert len(messages) == 6
