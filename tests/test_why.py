"""What somebody sees leads to its symptom: the texts as Python, and the system, print them."""

import asyncio
import http.client
import select
import socket
import ssl
import subprocess
import sys
import tomllib
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import reference
from test_words import headings

from sockutils.peers.ends import reset
from sockutils.peers.peer import background
from sockutils.why.search import find
from sockutils.why.symptom import symptoms
from sockutils.why.told import told

HERE = ("127.0.0.1", 0)
EVERY = [(text, each) for each in symptoms() for text in each.texts]
SENTENCES = [cause for each in symptoms() for cause in each.causes]


def listener() -> socket.socket:
    return socket.create_server(HERE)


def refused() -> None:
    with listener() as gone:
        address = gone.getsockname()
    socket.create_connection(address)


def in_use() -> None:
    with listener() as first, socket.socket() as second:
        second.bind(first.getsockname())


def in_use_by_asyncio() -> None:
    async def serve(port: int) -> None:
        await asyncio.start_server(print, "127.0.0.1", port)

    with listener() as first:
        asyncio.run(serve(first.getsockname()[1]))


def was_reset() -> None:
    with listener() as server, socket.create_connection(server.getsockname()) as client:
        reset(server.accept()[0])
        client.recv(1)


def broken_pipe() -> None:
    left, right = socket.socketpair()
    with left:
        right.close()
        left.send(b"x")


def not_connected() -> None:
    with socket.socket() as alone:
        alone.getpeername()


def would_block() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.setblocking(False)
        receiver.recv(1)


def in_time() -> None:
    with listener() as server:
        server.settimeout(0.01)
        server.accept()


def closed() -> None:
    with socket.socket() as gone:
        pass
    gone.recv(1)


def too_long() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(bytes(70_000), ("127.0.0.1", 9))


def no_such_name() -> None:
    socket.getaddrinfo("no.such.name.invalid", None, flags=socket.AI_NUMERICHOST)


def without_a_response() -> None:
    def leave(server: socket.socket) -> None:
        with server.accept()[0] as connection:
            connection.recv(1000)

    with listener() as server, background(leave, server):
        client = http.client.HTTPConnection(*server.getsockname())
        with closing(client):
            client.request("GET", "/")
            client.getresponse()


def file_after_a_timeout() -> None:
    left, right = socket.socketpair()
    with left, right, left.makefile("rb") as file:
        left.settimeout(0.01)
        for _ in range(2):
            try:
                file.read(1)
            except TimeoutError:
                continue


def wants_read() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        context = ssl.create_default_context()
        with context.wrap_socket(
            left, server_hostname="here", do_handshake_on_connect=False
        ) as end:
            end.do_handshake()


def a_text() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.send("text")  # type: ignore[arg-type]


def no_tuple() -> None:
    with socket.socket() as client:
        client.connect("127.0.0.1")


def from_1024_on() -> None:
    select.select([1024], [], [])


def closed_in_a_set() -> None:
    gone = socket.socket()
    gone.close()
    select.select([gone], [], [])


def blocking_in_a_loop() -> None:
    async def wait(end: socket.socket) -> None:
        asyncio.get_running_loop().set_debug(True)
        await asyncio.get_running_loop().sock_recv(end, 1)

    left, right = socket.socketpair()
    with left, right:
        asyncio.run(wait(left))


def path_too_long() -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("x" * 200)


PRINTS: list[tuple[Callable[[], None], str]] = [
    (refused, "ECONNREFUSED"),
    (in_use, "EADDRINUSE"),
    (in_use_by_asyncio, "EADDRINUSE"),
    (was_reset, "ECONNRESET"),
    (broken_pipe, "EPIPE"),
    (not_connected, "ENOTCONN"),
    (would_block, "EAGAIN"),
    (in_time, "TimeoutError: timed out"),
    (closed, "EBADF"),
    (too_long, "EMSGSIZE"),
    (no_such_name, "EAI_NONAME"),
    (without_a_response, "RemoteDisconnected"),
    (file_after_a_timeout, "cannot read from timed out object"),
    (wants_read, "SSLWantReadError"),
    (a_text, "a bytes-like object is required, not 'str'"),
    (no_tuple, "AF_INET address must be tuple, not str"),
    (from_1024_on, "filedescriptor out of range in select()"),
    (closed_in_a_set, "file descriptor cannot be a negative integer (-1)"),
    (blocking_in_a_loop, "the socket must be non-blocking"),
    (path_too_long, "AF_UNIX path too long"),
]


@pytest.mark.parametrize(("fail", "text"), PRINTS, ids=lambda each: getattr(each, "__name__", ""))
def test_what_python_prints(fail: Callable[[], None], text: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011
        fail()
    printed = traceback.format_exception_only(raised.value)[-1].strip()
    first = find(printed)[0]
    assert text in first.texts, printed


@pytest.mark.parametrize(("text", "symptom"), EVERY, ids=lambda each: str(each)[:40])
def test_each_text_finds_its_row(text: str, symptom: object) -> None:
    found = find(text)
    alike = [each for each in symptoms() if text in each.texts]  # PermissionError is of two
    assert found[: len(alike)] == alike or symptom == found[0]


@pytest.mark.parametrize("shape", ["Errno {}", "[Errno {}]", "errno={}", "os error {}", "{}"])
def test_a_number(shape: str) -> None:
    assert find(shape.format(104))[0].error == "ECONNRESET"
    assert find(shape.format(-2))[0].error == "EAI_NONAME"


def test_an_error_that_only_the_manual_has() -> None:
    assert "no memory for the socket" in told("ENOBUFS")


def test_nothing_fits() -> None:
    assert find("qwertz") == find("") == find("EXDEV") == []


def test_every_link_leads_to_a_heading() -> None:
    assert {cause.place for cause in SENTENCES} - headings() == set()


def test_a_cause_is_one_or_two_sentences() -> None:
    for cause in SENTENCES:
        assert cause.says.endswith((".", "?", ".)"))
        assert len(cause.says) < 170, cause.says


def test_there_is_much_to_find() -> None:
    assert len(symptoms()) >= 60
    assert len({text for text, _ in EVERY}) >= len(EVERY) - 4  # PermissionError, BlockingIOError


def in_a_terminal(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sockutils", "why", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["Errno 104"], ["Errno", "104"], ["-2"]])
def test_the_command(words: list[str]) -> None:
    done = in_a_terminal(*words)
    assert (done.stdout, done.returncode) == (told(" ".join(words)) + "\n", 0)


def test_the_command_finds_nothing() -> None:
    done = in_a_terminal("qwertz")
    said = "sockutils: the course has nothing on 'qwertz'. Try fewer words, or the error's name"
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == f"{said}, as in ECONNRESET\n"


QUESTIONS = tomllib.loads(Path(__file__).with_name("questions.toml").read_text())["questions"]


def test_what_people_ask_is_shown_by_a_cell() -> None:
    assert len(QUESTIONS) == 53
    cells = {
        f"{cell.notebook.removesuffix('.ipynb')}#{cell.heading}"
        for cell in reference.cells()
        if cell.kind == "code" and cell.text and not {"quiz", "exercise"} & {*cell.tags}
    }
    assert {*QUESTIONS.values()} - cells == set()
