"""The mesh's own authority: what it signs is good for what the inventory says, and what is bad is named."""

import base64
import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from playbook_plugins import filters, load

FILTERS = filters("certificates")
NAMES = ["server.dc1.consul", "localhost", "127.0.0.1", "fd71:1::11"]


@pytest.fixture(scope="module")
def authority() -> dict[str, str]:
    made: dict[str, str] = FILTERS["new_authority"]("a mesh")
    return made


def request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server.dc1.consul")])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return asked.public_bytes(serialization.Encoding.PEM).decode("ascii")


def signed(authority: dict[str, str], names: list[str], days: int) -> str:
    found: str = FILTERS["sign_certificate"](request(), authority, names, days)
    return found


def why(certificate: str, authority: dict[str, str], names: list[str] = NAMES) -> str:
    services: Any = {"consul": {"certificate": "c", "key": "k", "owner": "consul", "names": names}}
    lacking = FILTERS["lacking_certificates"](services, {"consul": certificate}, authority["ca_certificate"], 60)
    problem: str = load("filter_plugins/certificates.py").problem(certificate, authority["ca_certificate"], names, 60)
    assert bool(lacking) == bool(problem)
    return problem


def test_what_was_signed_is_good_for_the_names_of_the_inventory(authority: dict[str, str]) -> None:
    assert why(signed(authority, NAMES, 397), authority) == ""


def test_names_come_from_the_inventory_and_not_from_the_request(authority: dict[str, str]) -> None:
    certificate = signed(authority, ["client.dc1.consul"], 397)
    assert why(certificate, authority, ["server.dc1.consul"]).startswith("it is not for")


@pytest.mark.parametrize(("days", "said"), [(59, "it expires on"), (-1, "it expired on")])
def test_one_that_has_not_long_to_live_is_renewed(authority: dict[str, str], days: int, said: str) -> None:
    builder = load("filter_plugins/certificates.py")
    certificate = signed(authority, NAMES, days) if days > 0 else expired(authority)
    assert builder.problem(certificate, authority["ca_certificate"], NAMES, 60).startswith(said)


def expired(authority: dict[str, str]) -> str:
    issuer = x509.load_pem_x509_certificate(authority["ca_certificate"].encode())
    key = serialization.load_pem_private_key(authority["ca_key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    good = x509.load_pem_x509_certificate(signed(authority, NAMES, 300).encode())
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer.subject, good.subject, good.public_key(), 7,
                                      now - datetime.timedelta(days=9), now - datetime.timedelta(days=1))
    for extension in good.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_certificate_of_another_authority_is_none_of_ours(authority: dict[str, str]) -> None:
    other = FILTERS["new_authority"]("another mesh")
    assert why(signed(other, NAMES, 397), authority) == "another authority signed it"


@pytest.mark.parametrize(("text", "said"), [("", "there is none"), ("-----BEGIN", "it is no certificate (PEM)")])
def test_what_is_no_certificate_is_called_so(authority: dict[str, str], text: str, said: str) -> None:
    assert why(text, authority) == said


def test_a_request_that_was_meddled_with_is_not_signed(authority: dict[str, str]) -> None:
    lines = request().splitlines()
    body = bytearray(base64.b64decode("".join(lines[1:-1])))
    body[-1] ^= 1
    text = "\n".join([lines[0], base64.b64encode(bytes(body)).decode(), lines[-1], ""])
    with pytest.raises(Exception, match="cannot sign a certificate"):
        FILTERS["sign_certificate"](text, authority, NAMES, 10)


def test_an_authority_with_the_key_of_another_is_said_before_it_signs(authority: dict[str, str]) -> None:
    other = FILTERS["new_authority"]("another mesh")
    mixed = {"ca_certificate": authority["ca_certificate"], "ca_key": other["ca_key"]}
    assert FILTERS["authority_problems"](authority) == []
    assert "belongs to another certificate" in FILTERS["authority_problems"](mixed)[0]


def test_a_given_certificate_that_cannot_be_used_is_said_before_anything_is_changed(authority: dict[str, str]) -> None:
    other = FILTERS["new_authority"]("a public one")
    pair = {"certificate": other["ca_certificate"], "key": other["ca_key"]}
    problems = FILTERS["given_certificate_problems"]
    assert problems({"fabio": pair}, authority["ca_certificate"]) == []
    assert problems({"consul": pair}, authority["ca_certificate"])[0].endswith("another authority signed it")
    mixed = {"fabio": {**pair, "key": authority["ca_key"]}}
    assert problems(mixed, authority["ca_certificate"])[0].endswith("its key belongs to another certificate")
    old = {"consul": {"certificate": expired(authority), "key": ""}}
    assert "it expired on" in problems(old, authority["ca_certificate"])[0]
