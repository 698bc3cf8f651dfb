"""What of a host can be reached from another one: the services, and nothing that has the mesh's keys in it."""

import functools
import socket
import ssl
import warnings
from collections.abc import Iterator

from lab.hosts import Lab

LOCAL = {
    "Consul's HTTP": 8500, "Nomad's server's HTTP": 4646, "Nomad's client's HTTP": 4656, "Fabio's admin pages": 9998,
    "Fabio's metrics": 9997,
}
HIDDEN = (
    "api/config", "manual/", "api/manual", "logo.svg", "api/routes/../config", "api/routes%2f..%2fconfig",
    "health/../api/config", "health%2f..%2fapi%2fconfig", "metrics/../api/config", "metrics%2f..%2fapi%2fconfig",
)
"""Below what is given: its table and metrics to the mesh, and to a balancer before it that it routes ("OK")."""


def problems(lab: Lab, host: str) -> list[str]:
    """What can be reached and must not be, or the other way round."""
    address = lab.seats[host].address
    found = [f"{name} answers on {address}:{port}" for name, port in LOCAL.items() if _listens(lab, address, port)]
    return found + list(_admin(lab, host, address)) + list(_tls(lab, address))


def _listens(lab: Lab, address: str, port: int) -> bool:
    def tried() -> bool:
        try:
            socket.create_connection((address, port), 5).close()
        except ConnectionRefusedError:
            return False
        return True

    return lab.keeper.within(tried)


def _admin(lab: Lab, host: str, address: str) -> Iterator[str]:
    for path in HIDDEN:
        status, body, _ = lab.call("GET", f"http://{address}:9999/_mesh/{host}/{path}")
        if status == 200 or b"Registry" in body:
            yield f"Fabio gives /{path} to the mesh"


def _tls(lab: Lab, address: str) -> Iterator[str]:
    for version, is_good in (("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)):
        if lab.keeper.within(functools.partial(_shakes, address, version)) != is_good:
            yield f"Fabio {'refuses' if is_good else 'takes'} {version}"


def _shakes(address: str, version: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # Our own side must be able to speak what Fabio shall refuse.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion[version]
        context.minimum_version = ssl.TLSVersion[version]
    try:
        with socket.create_connection((address, 443), 5) as plain, context.wrap_socket(plain) as spoken:
            return spoken.version() is not None
    except ssl.SSLError:
        return False
