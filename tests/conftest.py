"""What every test stands on: nothing survives it, and a private network where it asks for one."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kernels import PATIENCE, PRIVATE, refusal

from sockutils.kernel.network import has_ipv6


def open_sockets() -> set[str]:
    names = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:  # the descriptor that listed the directory
            continue
        if target.startswith("socket:"):
            names.add(target)
    return names


@pytest.fixture(autouse=True)
def nothing_survives() -> Iterator[None]:
    sockets, threads = open_sockets(), set(threading.enumerate())
    yield
    assert open_sockets() <= sockets, "the test left a socket open"
    assert set(threading.enumerate()) <= threads, "the test left a thread running"


@pytest.fixture(
    params=[
        pytest.param(socket.AF_INET, id="ipv4"),
        pytest.param(
            socket.AF_INET6,
            id="ipv6",
            marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6: bind to ::1 fails"),
        ),
    ]
)
def family(request: pytest.FixtureRequest) -> socket.AddressFamily:
    """Each address family of this machine that can bind to loopback."""
    return socket.AddressFamily(request.param)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with a key and a certificate for localhost, signed by nobody else."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here: it makes the certificate")
    file = str(tmp_path_factory.mktemp("tls") / "localhost.pem")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", *key, *name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    Path(file).write_text(Path(file).read_text() + done.stdout)
    return file


@pytest.fixture
def tls(certificate: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a client and of a server that it trusts."""
    client, server = (
        ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER)
    )
    client.load_verify_locations(certificate)
    server.load_cert_chain(certificate)
    return client, server


@pytest.fixture
def private() -> Callable[[str], str]:
    """Run Python source in a private network of its own and return what it printed."""

    def run(code: str) -> str:
        if why := refusal():  # there the source could change the settings of the whole machine
            pytest.skip(why)
        command = [*PRIVATE, sys.executable, "-c", code]
        environment = {**os.environ, "PYTHONWARNINGS": "error"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
