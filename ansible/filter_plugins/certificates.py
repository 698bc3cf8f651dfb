"""The mesh's own certificate authority: makes it, signs what hosts ask for, and says what is wrong with a certificate.

Private keys of hosts are made on the hosts and never leave them; names come from the inventory, not from the request.
"""

import datetime
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from ansible.errors import AnsibleFilterError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
# Hosts whose clocks are behind shall take what was just signed.
_BACKDATED = datetime.timedelta(hours=1)


class Authority(TypedDict):
    """A certificate and its key, both PEM."""

    ca_certificate: str
    ca_key: str


class Service(TypedDict):
    """A service's certificate: where it and its key lie, who owns the key, and what it must be good for."""

    certificate: str
    key: str
    owner: str
    names: Sequence[str]


def new_authority(name: str) -> Authority:
    """A self-signed authority of 10 years that may sign leaf certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    signed = (
        _builder(subject, subject, key.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"ca_certificate": _pem(signed), "ca_key": private.decode("ascii")}


def sign(request: str, authority: Authority, names: Sequence[str], days: int) -> str:
    """A certificate for the key of a request.

    Args:
        request: Certificate signing request, PEM; only its key is taken from it.
        authority: Who signs.
        names: DNS names and addresses to put in; the first is the common name.
        days: How long it holds.

    Raises:
        AnsibleFilterError: The request or the authority cannot be read, or they do not belong together.
    """
    try:
        asked = x509.load_pem_x509_csr(request.encode("ascii"))
        issuer = x509.load_pem_x509_certificate(authority["ca_certificate"].encode("ascii"))
        key = serialization.load_pem_private_key(authority["ca_key"].encode("ascii"), None)
    except ValueError as error:
        raise AnsibleFilterError(f"cannot sign a certificate: {error}") from error
    if not asked.is_signature_valid:
        raise AnsibleFilterError("cannot sign a certificate: the host's request is not signed by its own key")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    signed = (
        _builder(subject, issuer.subject, asked.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return _pem(signed)


def problem(certificate: str, ca_certificate: str, names: Sequence[str], days_left: int) -> str:
    """Why this certificate is no good, in words; empty where it is good.

    Args:
        certificate: PEM, or empty where there is none.
        ca_certificate: Who must have signed it.
        names: What it must be good for.
        days_left: It must hold for so many days more.
    """
    if not certificate:
        return "there is none"
    try:
        mine = x509.load_pem_x509_certificate(certificate.encode("ascii"))
        issuer = x509.load_pem_x509_certificate(ca_certificate.encode("ascii"))
    except ValueError:
        return "it is no certificate (PEM)"
    try:
        mine.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return "another authority signed it"
    lacking = sorted(set(names) - _names_of(mine))
    if lacking:
        return f"it is not for {', '.join(lacking)}"
    return _time_problem(mine, days_left)


def lacking(
    services: Mapping[str, Service], there: Mapping[str, str], ca_certificate: str, days_left: int
) -> list[str]:
    """Services whose certificate on the host is missing or no good.

    Args:
        services: What each service's certificate must be.
        there: Certificates on the host by service, PEM or empty.
        ca_certificate: Who must have signed them.
        days_left: They must hold for so many days more.
    """
    return [name for name, each in services.items()
            if problem(there.get(name, ""), ca_certificate, each["names"], days_left)]


def owners(services: Mapping[str, Service]) -> dict[str, str]:
    """Owner and group of each key by its path, as the module private_keys takes them."""
    return {each["key"]: f"{each['owner']}:{each['owner']}" for each in services.values()}


def files(
    services: Mapping[str, Service], requests: Mapping[str, str], authority: Authority, days: int
) -> list[dict[str, str]]:
    """New certificates, as the module private_files takes them.

    Args:
        services: What each service's certificate must be.
        requests: Requests by the path of their key; who asks for none gets none.
        authority: Who signs.
        days: How long they hold.
    """
    signed = {each["certificate"]: sign(requests[each["key"]], authority, each["names"], days)
              for each in services.values() if each["key"] in requests}
    return [{"path": path, "content": content, "mode": "0444"} for path, content in signed.items()]


def given_files(services: Mapping[str, Service], given: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """Certificates and keys that the inventory brings, as the module private_files takes them."""
    found = []
    for name, each in given.items():
        service = services[name]
        found.append({"path": service["certificate"], "content": each["certificate"], "mode": "0444"})
        found.append({"path": service["key"], "content": each["key"], "owner": service["owner"]})
    return found


def given_problems(given: Mapping[str, Mapping[str, str]], ca_certificate: str) -> list[str]:
    """What is wrong with certificates that the inventory brings for a host; Fabio's may be of any authority."""
    found = []
    for service, each in given.items():
        own = each.get("certificate", "")
        why = problem(own, own if service == "fabio" else ca_certificate, (), 0)
        if service == "fabio" and why == "another authority signed it":
            why = ""
        why = why or _authority_problem({"ca_certificate": own, "ca_key": each.get("key", "")})
        if why:
            found.append(f"the certificate of {service} in base_given_certificates cannot be used: {why}")
    return found


def authority_problems(authority: Mapping[str, str]) -> list[str]:
    """Why nothing can be signed by, or checked against, this authority; empty where all is well or there is none."""
    found = _authority_problem(authority) if authority.get("ca_certificate") else ""
    return [f"the certificate authority in the Vault file cannot be used: {found}"] if found else []


def _authority_problem(authority: Mapping[str, str]) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(authority.get("ca_certificate", "").encode("ascii"))
        given = authority.get("ca_key", "")
        key = serialization.load_pem_private_key(given.encode("ascii"), None) if given else None
    except ValueError:
        return "it is no certificate and key (PEM)"
    if key is not None and _spki(key.public_key()) != _spki(certificate.public_key()):
        return "its key belongs to another certificate"
    return _time_problem(certificate, 0)


def _time_problem(certificate: x509.Certificate, days_left: int) -> str:
    now = datetime.datetime.now(datetime.UTC)
    if certificate.not_valid_before_utc > now:
        return f"it holds only from {certificate.not_valid_before_utc:%Y-%m-%d} on"
    if certificate.not_valid_after_utc < now:
        return f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.not_valid_after_utc < now + datetime.timedelta(days=days_left):
        return f"it expires on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""


def _builder(subject: x509.Name, issuer: x509.Name, key: object, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _names_of(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def _spki(key: object) -> bytes:
    encoding, shape = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = key.public_bytes(encoding, shape)  # type: ignore[attr-defined]
    return found


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """The filters by name."""
        return {
            "new_authority": new_authority,
            "sign_certificate": sign,
            "lacking_certificates": lacking,
            "given_certificate_problems": given_problems,
            "owners_by_key": owners,
            "certificate_files": files,
            "given_certificate_files": given_files,
            "authority_problems": authority_problems,
        }
