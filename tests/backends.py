"""Backends of anybody's, which the mesh's kit does not know: HTTP, TCP, TLS and gRPC, each on a port of loopback."""

import contextlib
import datetime
import http.server
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOOPBACK = "127.0.0.1"


def certificate(*names: str) -> str:
    """A certificate of its own authority for these host names, and its key, in one PEM text."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode() + private.decode()


def serial(certificate: str | bytes) -> int:
    """Serial number of a certificate, in PEM or in DER."""
    if isinstance(certificate, str):
        return x509.load_pem_x509_certificate(certificate.encode()).serial_number
    return x509.load_der_x509_certificate(certificate).serial_number


@contextlib.contextmanager
def lines(name: str, pem: Path | None = None) -> Iterator[int]:
    """Answers each line with its own name and that line, on a connection that stays; behind TLS where a `pem` is."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                self.wfile.write(f"{name} ".encode() + line)

    server = socketserver.ThreadingTCPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server) as port:
        yield port


@contextlib.contextmanager
def page(text: str) -> Iterator[int]:
    """A web server with one page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    with _serving(http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)) as port:
        yield port


@contextlib.contextmanager
def greeter(method: str, answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A gRPC server with one unary method, such as `/example.Greeter/Greet`; its messages are those of `message`."""

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            if handler_call_details.method != method:
                return None
            return grpc.unary_unary_rpc_method_handler(lambda request, context: answer(request))

    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((Handler(),))
        port = server.add_insecure_port(f"{LOOPBACK}:0")
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait(10)


def message(text: str) -> bytes:
    """A message of Protocol Buffers whose field 1 is this text of less than 128 bytes; Fabio refuses other bytes."""
    return b"\n" + bytes([len(text.encode())]) + text.encode()


@contextlib.contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
