import contextlib
import dataclasses
import gc
import inspect
import os
import pickle
import socket
import ssl
import sys
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket as imported_before
from typing import Self

import pytest

from sockutils.calls.trace import Call, Calls, trace
from sockutils.peers.peer import background

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
HOSTS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def names(calls: list[Call]) -> list[str]:
    return [call.name for call in calls]


def echo_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(connection.recv(100))


def test_a_conversation_reads_the_same_on_every_run(family: socket.AddressFamily) -> None:
    def once() -> str:
        with trace() as calls, socket.socket(family) as listener:
            listener.bind((HOSTS[family], 0))
            listener.listen(1)
            with socket.socket(family) as client:
                client.connect(listener.getsockname())
                with background(echo_once, listener):
                    client.sendall(b"hello")
                    client.recv(100)
        return repr(calls)

    assert once() == once()


def test_the_text_of_a_conversation() -> None:
    with trace() as calls, socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address) as client, background(echo_once, listener):
            client.sendall(b"hello " * 10)
            client.recv(100)

    assert repr(calls) == "\n".join(
        [
            "listener",
            "  socket(AF_INET, SOCK_STREAM)",
            "  setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)",
            "  bind(('127.0.0.1', 0))",
            "  listen()",
            "  getsockname() → ('127.0.0.1', ephemeral)",
            "  accept() → server",
            "  close()",
            "client",
            "  socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)",
            "  connect(('127.0.0.1', ephemeral))",
            "  sendall(b'hello hello hello hello '… 60 bytes)",
            "  recv(100) → b'hello hello hello hello '… 60 bytes",
            "  close()",
            "server",
            "  recv(100) → b'hello hello hello hello '… 60 bytes",
            "  sendall(b'hello hello hello hello '… 60 bytes)",
            "  close()",
        ]
    )


def test_a_call_has_its_arguments_result_times_and_thread() -> None:
    with trace() as calls, socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = one.getsockname()

    made, bind, name, _ = calls
    assert (made.name, made.arguments, made.lane) == ("socket", (), "socket")
    assert (bind.name, bind.arguments) == ("bind", (("127.0.0.1", 0),))
    assert (bind.result, bind.error, bind.keywords) == (None, None, {})
    assert name.result == address
    assert name.thread == threading.current_thread().name
    times = [time for call in calls for time in (call.start, call.end)]
    assert times == sorted(times, key=lambda time: time or 0)


def test_threads_are_named() -> None:
    def serve() -> None:
        socket.socket().close()

    with trace() as calls, background(serve):
        pass
    assert {call.thread for call in calls} == {"serve"}


def make_plain() -> list[socket.socket]:
    return [socket.socket()]


def make_by_old_name() -> list[socket.socket]:
    return [imported_before(socket.AF_INET, type=socket.SOCK_DGRAM)]


def make_pair() -> list[socket.socket]:
    return list(socket.socketpair())


def make_server() -> list[socket.socket]:
    return [socket.create_server(("127.0.0.1", 0))]


def make_connection() -> list[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return [client, listener.accept()[0]]


def make_fromfd() -> list[socket.socket]:
    one, other = socket.socketpair()
    return [one, other, socket.fromfd(one.fileno(), one.family, one.type)]


def make_dup() -> list[socket.socket]:
    one, other = socket.socketpair()
    return [one, other, one.dup()]


def make_from_detached() -> list[socket.socket]:
    return [socket.socket(fileno=socket.socket().detach())]


def make_subclass() -> list[socket.socket]:
    class Sub(socket.socket):
        def __init__(self) -> None:
            super().__init__(socket.AF_INET)

    return [Sub()]


@pytest.mark.parametrize(
    ("make", "lanes"),
    [
        (make_plain, ["socket"]),
        (make_by_old_name, ["socket"]),
        (make_pair, ["pair 1", "pair 2"]),
        (make_server, ["listener"]),
        (make_connection, ["client", "server"]),
        (make_fromfd, ["pair 1", "pair 2", "socket"]),
        (make_dup, ["pair 1", "pair 2", "pair 3"]),
        (make_from_detached, ["socket 2"]),
        (make_subclass, ["socket"]),
    ],
)
def test_sockets_are_recorded_however_made(
    make: Callable[[], list[socket.socket]], lanes: list[str]
) -> None:
    with trace() as calls:
        for one in make():
            one.close()
    assert [call.lane for call in calls if call.name == "close" and call.lane in lanes] == lanes


def test_sockets_accepted_from_an_old_listener_are_recorded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, trace() as calls:
        client = socket.create_connection(listener.getsockname())
        with client, background(echo_once, listener):
            client.sendall(b"hello")
    assert list(calls.lanes()) == ["client", "server"]


def test_sockets_made_before_the_block_are_left_alone() -> None:
    with socket.socket() as old, trace() as calls:
        old.bind(("127.0.0.1", 0))
        old.dup().close()
    assert names(list(calls)) == ["close"]


def test_the_class_is_as_before_afterwards() -> None:
    before = dict(vars(socket.socket))
    with contextlib.suppress(ZeroDivisionError), trace() as calls:
        kept = socket.socket()
        bind = kept.bind
        assert vars(socket.socket) != before
        raise ZeroDivisionError

    count = len(calls)
    bind(("127.0.0.1", 0))
    kept.close()
    assert dict(vars(socket.socket)) == before
    assert list(vars(socket.socket)) == list(before)
    assert len(calls) == count == 1


def test_blocks_can_be_nested() -> None:
    with trace() as outer, socket.socket() as first:
        with trace() as inner, socket.socket():
            first.bind(("127.0.0.1", 0))
        first.getsockname()
    assert repr(inner) == "socket\n  socket()\n  close()"
    assert list(outer.lanes()) == ["socket 1", "socket 2"]
    assert names(outer.lanes()["socket 1"]) == ["socket", "bind", "getsockname", "close"]


def test_blocks_in_two_threads_overlap() -> None:
    before = dict(vars(socket.socket))
    entered, left = threading.Event(), threading.Event()

    def early() -> Calls:
        with trace() as calls:
            entered.set()
            left.wait()
        return calls

    with background(early) as peer:
        entered.wait()
        with trace() as late:
            socket.socket().close()
        socket.socket(socket.AF_INET).close()
        left.set()

    assert dict(vars(socket.socket)) == before
    assert names(list(late)) == ["socket", "close"]
    assert isinstance(peer.result, Calls)
    assert names(list(peer.result)) == ["socket", "close"] * 2


def test_many_threads_at_once() -> None:
    def call(address: tuple[str, int]) -> None:
        for _ in range(20):
            socket.create_connection(address).close()

    with (
        trace() as calls,
        socket.create_server(("127.0.0.1", 0), backlog=200) as listener,
        contextlib.ExitStack() as peers,
    ):
        for _ in range(8):
            peers.enter_context(background(call, listener.getsockname()))
    lanes = calls.lanes()
    assert len(lanes) == 1 + 8 * 20
    clients = [names(lane) for name, lane in lanes.items() if name != "listener"]
    assert clients == [["socket", "connect", "close"]] * 160


def test_errors_are_told_by_name() -> None:
    with trace() as calls:
        with pytest.raises(OSError, match="not supported"):
            socket.socket(9999)
        with socket.create_server(("127.0.0.1", 0)) as first, socket.socket() as second:
            with pytest.raises(OSError, match="in use"):
                second.bind(first.getsockname())
            first.settimeout(0.001)
            with pytest.raises(TimeoutError):
                first.accept()
            with pytest.raises(OverflowError):
                second.bind(("127.0.0.1", 70000))
            with pytest.raises(socket.gaierror):
                second.bind(("no such host.invalid", 1))
            second.setblocking(False)
            with pytest.raises(OSError, match="supported"):
                second.getsockopt(9999, 1)
            second.close()
            with pytest.raises(OSError, match="descriptor"):
                second.listen()

    errors = [call.error for call in calls if call.error]
    assert errors == [call.text.partition(" → ")[2] for call in calls if call.error]
    assert errors == [
        "EAFNOSUPPORT",
        "EADDRINUSE",
        "timeout",
        "OverflowError",
        "EAI_NONAME",
        "EOPNOTSUPP",
        "EBADF",
    ]


def test_constants_are_told_by_name() -> None:
    with trace() as calls:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as one:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setsockopt(socket.SOL_SOCKET, 9999 - 9998, 0)
            one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            one.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
        left, right = socket.socketpair()
        left.send(b"x")
        right.recv(5, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        right.shutdown(socket.SHUT_RDWR)
        socket.socket(fileno=left.detach()).close()
        right.close()

    assert repr(calls) == "\n".join(
        [
            "pair 1",
            "  socketpair(AF_UNIX, SOCK_STREAM, 0)",
            "  send(b'x') → 1",
            "  detach() → fd",
            "pair 2",
            "  socketpair(AF_UNIX, SOCK_STREAM, 0)",
            "  recv(5, MSG_PEEK|MSG_DONTWAIT) → b'x'",
            "  shutdown(SHUT_RDWR)",
            "  close()",
            "socket 1",
            "  socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK)",
            "  setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)",
            "  setsockopt(SOL_SOCKET, SO_DEBUG, 0)",
            "  getsockopt(SOL_SOCKET, SO_ERROR) → 0",
            "  setsockopt(IPPROTO_IP, IP_TTL, 9)",
            "  close()",
            "socket 2",
            "  socket(fileno=fd)",
            "  close()",
        ]
    )


def test_only_ports_that_the_kernel_chose_are_ephemeral(private: Callable[[str], str]) -> None:
    printed = private(
        """
import socket
from sockutils.calls.trace import trace

with trace() as calls:
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 5000))
    client = socket.socket(type=socket.SOCK_DGRAM)
    client.sendto(b"ask", ("127.0.0.1", 5000))
    data, address = server.recvfrom(100)
    server.sendto(b"answer", address)
    client.recvfrom(100)
    stranger = socket.socket()
    stranger.connect_ex(("127.0.0.1", 5001))
    for one in (server, client, stranger):
        one.close()
print(calls)
"""
    )
    assert printed.splitlines() == [
        "client",
        "  socket()",
        "  connect_ex(('127.0.0.1', 5001)) → ECONNREFUSED",
        "  close()",
        "socket 1",
        "  socket(type=SOCK_DGRAM)",
        "  bind(('127.0.0.1', 5000))",
        "  recvfrom(100) → (b'ask', ('127.0.0.1', ephemeral))",
        "  sendto(b'answer', ('127.0.0.1', ephemeral)) → 6",
        "  close()",
        "socket 2",
        "  socket(type=SOCK_DGRAM)",
        "  sendto(b'ask', ('127.0.0.1', 5000)) → 3",
        "  recvfrom(100) → (b'answer', ('127.0.0.1', 5000))",
        "  close()",
    ]


def test_a_buffer_is_told_as_it_was_and_not_locked() -> None:
    data = bytearray(b"before")
    room = bytearray(30)
    with trace() as calls:
        one, other = socket.socketpair()
        one.send(memoryview(data)[:3])
        one.sendmsg([data, b"!"])
        data.extend(b"!")
        data[:] = b"after"
        other.recv_into(room)
        other.close()
        one.close()
        room.extend(b"!")
    texts = [call.text for call in calls]
    assert "send(b'bef') → 3" in texts
    assert "sendmsg([b'before', b'!']) → 7" in texts
    assert "recv_into(30 bytes) → 10" in texts


def test_a_makefile_is_recorded_as_its_calls() -> None:
    with trace() as calls:
        one, other = socket.socketpair()
        with one, other, one.makefile("w") as writer, other.makefile() as reader:
            writer.write("line\n")
            writer.flush()
            assert reader.readline() == "line\n"
    assert "recv_into(8192 bytes) → 5" in [call.text for call in calls]
    assert "send(b'line\\n') → 5" in [call.text for call in calls]


def facts(work: Path) -> Iterator[object]:
    one, other = socket.socketpair()
    with one, other:
        yield type(one)
        yield isinstance(one, imported_before)
        yield repr(one).replace(str(one.fileno()), "fd")
        yield one.gettimeout(), one.getblocking(), one.get_inheritable()
        yield weakref.ref(one)() is one
        yield len({one, other, one})
        with pytest.raises(TypeError) as refused:
            pickle.dumps(one)
        yield str(refused.value)
        one.settimeout(0.001)
        yield one.timeout, one.gettimeout()
        with pytest.raises(TimeoutError) as late:
            one.recv(1)
        yield str(late.value)
        with (work / "file").open("wb+") as file:
            file.write(b"content")
            file.seek(0)
            yield one.sendfile(file)
        yield other.recv_into(bytearray(10), 4, socket.MSG_PEEK)
        yield other.recvmsg(100)
        with pytest.raises(TypeError) as wrong:
            one.send()  # type: ignore[call-arg]
        yield str(wrong.value)
    yield one.fileno()
    for name in ("bind", "send", "accept", "close", "dup", "__init__"):
        method = getattr(socket.socket, name)
        yield method.__name__, method.__qualname__, method.__doc__
        try:
            yield str(inspect.signature(method))
        except ValueError as error:
            yield type(error)


def test_a_traced_socket_behaves_as_a_plain_one(tmp_path: Path) -> None:
    plain = list(facts(tmp_path))
    with trace():
        traced = list(facts(tmp_path))
    assert traced == plain


def test_the_traceback_shows_nothing_of_the_trace() -> None:
    def block() -> None:
        with trace():
            one = socket.socket()
            one.close()
            one.accept()

    with pytest.raises(OSError, match="descriptor") as caught:
        block()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.name for frame in frames][-1] == "accept"
    assert len(frames) == 3


class OwnInit(Exception):
    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"stopped by {number}: {why}")


class Slots(Exception):
    __slots__ = ("why",)

    def __init__(self) -> None:
        self.why = "no reason"


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    why: str


class Counting(Exception):
    made = 0

    def __new__(cls, *arguments: object) -> Self:
        cls.made += 1
        return super().__new__(cls, *arguments)


class Uncopyable(OSError):
    def __reduce_ex__(self, protocol: object) -> str:
        raise ZeroDivisionError

    @property
    def errno(self) -> int:  # type: ignore[override]
        raise ZeroDivisionError


class Last(BaseException):
    pass


def with_a_past() -> Exception:
    error = ValueError("later")
    error.__cause__, error.__context__ = KeyError("cause"), KeyError("before")
    error.__suppress_context__ = False
    error.add_note("note")
    error.__dict__["mark"] = ["anything"]
    return error


class Raises:
    """A port that raises an error of its own while bind() asks for the number."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __index__(self) -> int:
        raise self.error


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: OwnInit(14, "alarm"), id="own-init"),
        Slots,
        pytest.param(lambda: Frozen("so"), id="frozen"),
        Counting,
        Uncopyable,
        Last,
        KeyboardInterrupt,
        SystemExit,
        GeneratorExit,
        StopIteration,
        StopAsyncIteration,
        with_a_past,
        pytest.param(lambda: ExceptionGroup("two", [ValueError(), OSError()]), id="group"),
        pytest.param(lambda: UnicodeDecodeError("ascii", b"x", 0, 1, "no"), id="five-arguments"),
        pytest.param(lambda: OSError(98, "in use", "file"), id="file"),
    ],
)
def test_an_exception_comes_out_as_it_went_in(make: Callable[[], BaseException]) -> None:
    def frames(recorder: contextlib.AbstractContextManager[object]) -> list[str]:
        error = make()
        before, made = state(error), Counting.made
        with pytest.raises(type(error)) as caught, recorder, socket.socket() as one:
            one.bind(("127.0.0.1", Raises(error)))
        assert caught.value is error
        assert all(one is other for one, other in zip(before, state(error), strict=True))
        assert Counting.made == made
        return [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    assert frames(trace()) == frames(contextlib.nullcontext())


def state(error: BaseException) -> list[object]:
    own = getattr(error, "__dict__", {})
    chain = [error.__cause__, error.__context__, error.__suppress_context__]
    return [*own, *own.values(), *error.args, *chain]


def test_an_exception_is_told_by_the_name_of_its_class() -> None:
    with trace() as calls, socket.socket() as one:
        for error in (OwnInit(14, "alarm"), Frozen("so"), Uncopyable(1, "no")):
            with pytest.raises(type(error)):
                one.bind(("127.0.0.1", Raises(error)))
    errors = [call.error for call in calls if call.name == "bind"]
    assert errors == ["OwnInit", "Frozen", "EPERM"]


def test_the_same_exception_twice_has_the_traceback_of_both() -> None:
    error = OwnInit(14, "alarm")

    def depths(recorder: contextlib.AbstractContextManager[object]) -> list[int]:
        found = []
        error.__traceback__ = None
        with recorder, socket.socket() as one:
            for _ in "12":
                with contextlib.suppress(OwnInit):
                    one.bind(("127.0.0.1", Raises(error)))
                found.append(len(traceback.extract_tb(error.__traceback__)))
        return found

    assert depths(trace()) == depths(contextlib.nullcontext())


def test_a_block_in_a_generator_ends_as_without_a_trace() -> None:
    def block() -> Iterator[int]:
        with trace():
            yield 1
            yield 2

    steps = block()
    next(steps)
    with pytest.raises(Frozen):
        steps.throw(Frozen("so"))  # type: ignore[attr-defined]
    steps = block()
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert not hasattr(socket.socket.bind, "__wrapped__")


def test_results_are_the_very_objects(tmp_path: Path) -> None:
    given = []

    class Sub(socket.socket):
        def recv(self, *arguments: int) -> bytes:
            given.append(super().recv(*arguments))
            return given[-1]

    with trace() as calls:
        one, other = (Sub(fileno=end.detach()) for end in socket.socketpair())
        with one, other:
            one.send(b"hello, a string of its own")
            assert other.recv(100) is given[0]
            room = bytearray(b"....")
            one.send(b"abcd")
            other.recv_into(buffer=room, nbytes=4)
            room.extend(b"it is not locked")
            one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, bytes(4))])
            _, rights, *_ = other.recvmsg(1, socket.CMSG_SPACE(4))
            for _, _, data in rights:
                os.close(int.from_bytes(data[:4], sys.byteorder))
            rights.append("the learner's own")
    texts = [call.text for call in calls]
    assert "recv_into(buffer=4 bytes, nbytes=4) → 4" in texts
    assert not any("the learner's own" in text for text in texts)


def test_a_generator_is_consumed_by_the_call_alone() -> None:
    def parts() -> Iterator[bytes]:
        yield b"one"
        yield b"two"

    with trace() as calls:
        one, other = socket.socketpair()
        with one, other:
            assert one.sendmsg(parts()) == 6
            assert other.recv(100) == b"onetwo"
    assert "sendmsg('generator') → 6" in [call.text for call in calls]


def released() -> memoryview:
    view = memoryview(b"x")
    view.release()
    return view


def within_itself() -> list[object]:
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize("make", [released, within_itself, lambda: 10**5000, object])
def test_an_argument_that_cannot_be_told_fails_as_without_a_trace(
    make: Callable[[], object],
) -> None:
    def failure(recorder: contextlib.AbstractContextManager[object]) -> str:
        try:
            with recorder, socket.socket() as one:
                one.sendmsg(make())
        except Exception as error:
            return repr(error)
        pytest.fail("it worked")

    assert failure(trace()) == failure(contextlib.nullcontext())


def test_an_address_of_an_own_class_is_not_asked_anything() -> None:
    class Address(tuple[str, int]):
        def __iter__(self) -> Iterator[str | int]:
            raise ZeroDivisionError

    with trace() as calls, socket.socket(type=socket.SOCK_DGRAM) as one:
        one.bind(Address(("127.0.0.1", 0)))
    assert calls[1].text == "bind(('127.0.0.1', 0))"


def test_a_library_is_left_out_also_when_asked_by_keyword() -> None:
    with trace() as calls:
        socket.socket(family=socket.AF_NETLINK, type=socket.SOCK_RAW).close()
    assert calls == []


def test_a_traced_socket_dies_like_a_plain_one() -> None:
    gc.disable()
    try:
        with trace() as calls:
            one = socket.socket()
            with contextlib.suppress(ConnectionRefusedError):
                connect_to_nobody(one)
            alive = weakref.ref(one)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                del one
        assert [warning.category for warning in caught] == [ResourceWarning]
        caught.clear()  # a ResourceWarning holds the socket it warns of
        assert alive() is None
        assert names(calls.lanes()["client"])[-1] == "connect"
    finally:
        gc.enable()


def connect_to_nobody(one: socket.socket) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        one.connect(nobody.getsockname())


def test_a_new_socket_at_the_address_of_a_dead_one_is_another_lane() -> None:
    with trace() as calls:
        for _ in range(100):
            socket.socket().close()
    assert len(calls.lanes()) == 100
    assert all(names(lane) == ["socket", "close"] for lane in calls.lanes().values())


def test_ssl_sockets_keep_working() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with trace() as calls:
        one, other = socket.socketpair()
        with one, other:
            wrapped = context.wrap_socket(
                one, server_hostname="localhost", do_handshake_on_connect=False
            )
            with wrapped:
                assert isinstance(wrapped, ssl.SSLSocket)
                wrapped.setblocking(False)
                with pytest.raises(ssl.SSLWantReadError):
                    wrapped.do_handshake()
                assert other.recv(3) == b"\x16\x03\x01"
    assert "do_handshake() → SSLWantReadError" in [call.text for call in calls]


def echo_secretly(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True) as secret:
        secret.sendall(secret.recv(100))
        secret.recv_into(bytearray(10))
        secret.unwrap().close()


def test_a_tls_connection_keeps_its_lanes_and_shows_its_calls(tls: Contexts) -> None:
    with trace() as calls, socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with (
            background(echo_secretly, listener, tls[1]),
            socket.create_connection(address) as client,
            tls[0].wrap_socket(client, server_hostname="localhost") as secret,
        ):
            secret.sendall(b"hello")
            assert secret.recv(100) == b"hello"
            secret.write(b"bye")
            assert secret.recv(100) == b""
            secret.unwrap()

    lanes = calls.lanes()
    assert list(lanes) == ["listener", "client", "server"]
    assert [call.text for call in lanes["client"]] == [
        "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP)",
        "connect(('127.0.0.1', ephemeral))",
        "do_handshake()",
        "sendall(b'hello')",
        "recv(100) → b'hello'",
        "write(b'bye') → 3",
        "recv(100) → b''",
        "unwrap() → client",
        "close()",
    ]
    assert [call.text for call in lanes["server"]] == [
        "do_handshake()",
        "recv(100) → b'hello'",
        "sendall(b'hello')",
        "recv_into(10 bytes) → 3",
        "unwrap() → server",
        "close()",
    ]


def knock(address: tuple[str, int], context: ssl.SSLContext) -> None:
    with context.wrap_socket(socket.socket(), server_hostname="localhost") as secret:
        secret.connect(address)
        with secret.makefile("rwb") as file:
            file.write(b"line\n")
            file.flush()
            assert file.readline() == b"line\n"


def test_tls_sockets_that_connect_and_accept_by_themselves(tls: Contexts) -> None:
    with (
        trace() as calls,
        tls[1].wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True) as listener,
        background(knock, listener.getsockname(), tls[0]),
    ):
        echo_once(listener)
    lanes = calls.lanes()
    assert list(lanes) == ["listener", "client", "server"]
    assert names(lanes["listener"])[-3:] == ["getsockname", "accept", "close"]
    assert names(lanes["client"]) == [
        *("socket", "connect", "do_handshake", "send", "recv_into", "close"),
    ]
    assert names(lanes["server"]) == ["do_handshake", "recv", "sendall", "close"]


def test_a_handshake_that_fails_is_told_with_the_close(tls: Contexts) -> None:
    with trace() as calls, socket.create_server(("127.0.0.1", 0)) as listener:
        distrustful = ssl.create_default_context()
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            background(fail_to_agree, listener, tls[1]),
            socket.create_connection(listener.getsockname()) as client,
        ):
            distrustful.wrap_socket(client, server_hostname="localhost")
    texts = [call.text for call in calls.lanes()["client"]]
    assert texts[2:4] == ["do_handshake() → SSLCertVerificationError", "close()"]


def fail_to_agree(listener: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listener.accept()
    with connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_side=True)


def test_the_tls_class_is_as_before_afterwards() -> None:
    before = dict(vars(ssl.SSLSocket))
    with trace():
        assert vars(ssl.SSLSocket) != before
    assert dict(vars(ssl.SSLSocket)) == before
    assert list(vars(ssl.SSLSocket)) == list(before)


def test_a_tls_socket_of_an_old_one_is_recorded() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    one, other = socket.socketpair()
    with other, trace() as calls:
        context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False).close()
    assert repr(calls) == "socket\n  close()"


def test_lanes_can_be_made_by_hand() -> None:
    def call(lane: str) -> Call:
        return Call(lane, "close", (), {}, None, None, 0.0, 1.0, "main", "close()")

    calls = Calls([call("socket"), call("client 10"), call("client 2"), call("listener")])
    assert list(calls.lanes()) == ["listener", "client 2", "client 10", "socket"]


def test_a_call_that_has_not_returned_has_no_end() -> None:
    class Port:
        def __index__(self) -> int:  # asked for while bind() runs
            stack.close()
            return 0

    with contextlib.ExitStack() as stack:
        calls = stack.enter_context(trace())
        with socket.socket() as one:
            one.bind(("127.0.0.1", Port()))
    assert (calls[-1].name, calls[-1].end) == ("bind", None)
    assert calls[-1].text.endswith(") …")


@pytest.mark.parametrize("name", ["AF_NETLINK", "AF_PACKET"])
def test_the_sockets_of_libraries_are_left_out(name: str) -> None:
    with trace() as calls, contextlib.suppress(PermissionError):
        socket.socket(getattr(socket, name), socket.SOCK_RAW).close()
    assert calls == []


def test_a_socket_that_nobody_closes_is_unclosed() -> None:
    with trace() as calls, socket.create_server(("127.0.0.1", 0)) as listener:
        for close in (socket.socket.close, lambda end: os.close(end.detach())):
            close(socket.create_connection(listener.getsockname()))
        with warnings.catch_warnings(action="ignore"):
            del (left := [socket.create_connection(listener.getsockname())])[:]
    assert calls.unclosed() == ["client 3"]
    assert left == []
