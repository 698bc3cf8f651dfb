"""A manager, an input and an output in this process, real but for Consul, each at a port of loopback."""

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hoploom import kit
from hoploom.input_service.app import make_app as make_input
from hoploom.input_service.settings import Settings as InputSettings
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app as make_manager
from hoploom.manager.settings import Settings as ManagerSettings
from hoploom.output_service.app import make_app as make_output
from hoploom.output_service.settings import Settings as OutputSettings

OPERATOR, MESH = "operator-token", "mesh-token"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class World:
    """Where each service answers, and the applications behind."""

    urls: dict[str, str]
    apps: dict[str, web.Application]
    ca_file: str

    @property
    def server(self) -> str:
        """Host and port of the manager."""
        return self.urls["manager"].partition("//")[2]

    async def ask(self, method: str, service: str, path: str, token: str = "", **options: Any) -> tuple[int, Any]:
        """The status and JSON of an answer."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        async with self._asked(method, service, path, headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def text(self, service: str, path: str) -> str:
        """What a GET answers."""
        async with self._asked("GET", service, path) as answer:
            return await answer.text()

    @asynccontextmanager
    async def _asked(
        self, method: str, service: str, path: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        context = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True
        options["ssl"] = context
        async with aiohttp.ClientSession() as session, session.request(
            method, self.urls[service] + path, **options
        ) as answer:
            yield answer


@asynccontextmanager
async def http_world(
    folder: Path, consul: FakeConsul, on_mesh: OnMesh, *, tls: bool = False, **settings: Any
) -> AsyncIterator[World]:
    """Start all three.

    Args:
        folder: For tokens, the output's files and the certificate.
        consul: What they have as Consul.
        on_mesh: The fixture of that name.
        tls: Whether the manager is reached by TLS alone.
        settings: More settings, of all three.
    """
    for name, token in (("operator", OPERATOR), ("mesh", MESH)):
        (folder / name).write_text(token)
    common: dict[str, Any] = {"operator_token_file": str(folder / "operator"),
                              "worker_token_file": str(folder / "mesh"), "fabio_addr": "http://127.0.0.1:1"} | settings
    makers: dict[str, Callable[[int], web.Application]] = {
        "input": lambda port: make_input(InputSettings(port=port, **common)),
        "output": lambda port: make_output(OutputSettings(port=port, db_dir=folder / "db", **common)),
        "manager": lambda port: make_manager(ManagerSettings(port=port, **common)),
    }
    context = certified(folder) if tls else None
    urls, apps = dict[str, str](), dict[str, web.Application]()
    async with AsyncExitStack() as stack:
        for name, make in makers.items():
            port = unused_port()
            apps[name] = app = make(port)
            kit.mesh(app).port = port
            is_tls = tls and name == "manager"
            server = TestServer(on_mesh(app, background=True), host=LOOPBACK, port=port)
            # As services are run: nobody undoes an encoding.
            await server.start_server(ssl=context if is_tls else None, auto_decompress=False)
            stack.push_async_callback(server.close)
            urls[name] = f"{'https' if is_tls else 'http'}://{LOOPBACK}:{port}"
        yield World(urls, apps, str(folder / "ca.pem") if tls else "")


def certified(folder: Path) -> ssl.SSLContext:
    """A certificate for loopback, and `ca.pem` in the folder to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hoploom test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
