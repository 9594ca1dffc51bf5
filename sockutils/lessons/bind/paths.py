"""What the exercise with a server's path asks of the learner's function, in depth."""

import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress

from sockutils.lessons.bind.checks import listening, refusal
from sockutils.practice.exercise import exercise

TOOK = "returned a socket"


@exercise(
    "bind",
    hint={
        "symbolic link": "os.lstat() looks at the link, os.stat() at what it leads to",
        "": "Dead: connect(), non-blocking, says ECONNREFUSED, and the file is a socket.",
    },
)
def path_again(claim: Callable[[str], socket.socket]) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = os.path.join(folder, "door")
        claimed(claim, path, "at a new path").close()
        with claimed(claim, path, "at the path of a dead server"):
            taken(claim, path, socket.SOCK_STREAM, "a server lives at this path")
        kept_apart(claim, folder)
        datagrams = os.path.join(folder, "datagrams")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(datagrams)
            taken(claim, datagrams, socket.SOCK_DGRAM, "a server lives at this path, for datagrams")
        busy = os.path.join(folder, "busy")
        with socket.socket(socket.AF_UNIX) as server, ExitStack() as clients:
            server.bind(busy)
            server.listen(0)
            for _ in range(2):
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect_ex(busy)
            said = refusal(claim, busy)
            assert said, "a server lives at this path, too busy to answer, and you took it away"
            assert said == "raised EADDRINUSE", (
                f"a server lives at this path, too busy to answer, and your function {said}"
            )
        not_to_be_reached(claim, folder)


def taken(claim: Callable[[str], socket.socket], path: str, kind: int, why: str) -> None:
    said = refusal(claim, path)
    assert said, f"{why}, and you took it away"
    assert said == "raised EADDRINUSE", f"{why}, and your function {said}"
    with socket.socket(socket.AF_UNIX, kind) as client:
        assert not client.connect_ex(path), f"{why}, and cannot be reached any more"


def kept_apart(claim: Callable[[str], socket.socket], folder: str) -> None:
    """A file that is no socket has to stay, and another error than EADDRINUSE, too."""
    data = os.path.join(folder, "data")
    with open(data, "w") as file:
        file.write("data")
    said = refusal(claim, data)
    with suppress(OSError), open(data) as file:
        assert file.read() == "data", "at this path was a file with data, and you wrote to it"
    assert os.path.isfile(data), "at this path was a file with data, and you deleted it"
    assert said == "raised EADDRINUSE", f"at the path of a file with data it {said or TOOK}"
    said = refusal(claim, os.path.join(folder, "missing", "door"))
    assert said == "raised ENOENT", f"in a folder that is missing it {said or TOOK}"


def not_to_be_reached(claim: Callable[[str], socket.socket], folder: str) -> None:
    """A link to a dead server's file has to stay, and a server that does not let you in."""
    link, dead, closed = (os.path.join(folder, name) for name in ("link", "dead", "closed"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(dead)
    os.symlink(dead, link)
    said = refusal(claim, link)
    assert os.path.islink(link), "at this path was a symbolic link, no socket, and you deleted it"
    assert said == "raised EADDRINUSE", f"at the path of a symbolic link it {said or TOOK}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(closed)
        server.listen()
        os.chmod(closed, 0)  # connect() says EACCES, but to root
        said = refusal(claim, closed)
    assert said, "a server lives at this path, which you may not connect to, and you took it away"
    assert said == "raised EADDRINUSE", f"a server lives there, closed to you, and it {said}"


def claimed(claim: Callable[[str], socket.socket], path: str, where: str) -> socket.socket:
    try:
        server = claim(path)
    except OSError as error:
        raise AssertionError(f"{where} it failed: {error}") from error
    server = listening(server, f"{where} ")
    with ExitStack() as stack:
        stack.enter_context(server)
        assert server.getsockname() == path, f"{where} it is bound to {server.getsockname()!r}"
        stack.pop_all()
    return server
