"""TLS in front of a server that has none: what a client sees is a Postgres server with ``ssl = on``."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))
_PIECE_BYTES = 1 << 16


@contextmanager
def behind_tls(host: str, port: int, place: Path) -> Iterator[tuple[int, Path]]:
    """A port that asks for TLS before it leads to the server; gives it, and the certificate that it shows.

    It is a process of its own: libpq may hold the interpreter's lock while it waits for an answer.

    Args:
        place: Where certificate and key may be written.
    """
    certificate, key = make_certificate(place)
    program = [sys.executable, "-m", "tests.tls", host, str(port), str(certificate), str(key)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(program, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), certificate
        finally:
            process.terminate()


def _main(host: str, port: str, certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_serve, args=(client, context, (host, int(port))), daemon=True).start()


def make_certificate(place: Path) -> tuple[Path, Path]:
    """A certificate for this machine's own address that is signed with its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "penstock test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = place / "server.crt", place / "server.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


def _serve(client: socket.socket, context: ssl.SSLContext, server: tuple[str, int]) -> None:
    with client:
        if client.recv(len(_SSL_REQUEST), socket.MSG_WAITALL) != _SSL_REQUEST:
            return  # as a server does that takes no connection without TLS
        client.sendall(b"S")
        try:
            with (
                context.wrap_socket(client, server_side=True) as secure,
                socket.create_connection(server) as plain,
            ):
                _relay(secure, plain)
        except OSError:
            return  # either end went away, or the client has refused the certificate


def _relay(secure: ssl.SSLSocket, plain: socket.socket) -> None:
    while True:
        readable = [secure] if secure.pending() else select.select([secure, plain], [], [])[0]
        for end, other in ((secure, plain), (plain, secure)):
            if end in readable:
                piece = end.recv(_PIECE_BYTES)
                if not piece:
                    return
                other.sendall(piece)


if __name__ == "__main__":
    _main(*sys.argv[1:])
