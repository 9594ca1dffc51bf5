"""Both ends of a TLS connection. The key is in this package, so it is no secret: for loopback."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sockutils.peers.ends import connected
from sockutils.peers.peer import background

# made by: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes
#   -days 36500 -subj /CN=localhost -addext subjectAltName=DNS:localhost
CERTIFICATE = Path(__file__).with_name("localhost.pem")


@contextmanager
def encrypted() -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """The client's end and the server's, with TLS 1.3, for the block."""
    asks, answers = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)
    )
    asks.load_verify_locations(CERTIFICATE)
    answers.load_cert_chain(CERTIFICATE)
    asks.minimum_version = ssl.TLSVersion.TLSv1_3
    near, far = connected()
    with near, far, background(answers.wrap_socket, far, True) as peer:
        client = asks.wrap_socket(near, server_hostname="localhost")
    with client, peer.result as server:
        yield client, server
