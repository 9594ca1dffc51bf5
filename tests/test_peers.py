import contextlib
import io
import select
import selectors
import signal
import socket
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from sockutils.peers.asleep import Sleeper
from sockutils.peers.peer import GRACE, Peer, background

# A failed peer's sockets are closed as its frames go: by the garbage collector, which warns.
dropped = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture
def listener(family: socket.AddressFamily) -> Iterator[socket.socket]:
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.create_server((host, 0), family=family) as listener:
        yield listener


def echo_once(listener: socket.socket) -> bytes:
    connection, _ = listener.accept()
    with connection:
        data = connection.recv(100)
        connection.sendall(data)

    return data


def test_gives_what_the_function_returned(listener: socket.socket) -> None:
    with background(echo_once, listener) as peer:
        assert repr(peer) == "echo_once() running"
        with socket.create_connection(listener.getsockname()[:2]) as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"

    assert peer.result == b"hello"
    assert repr(peer) == "echo_once() returned b'hello'"


def test_the_thread_is_a_daemon_named_after_the_function() -> None:
    def serve() -> tuple[str, bool]:
        return threading.current_thread().name, threading.current_thread().daemon

    with background(serve) as peer:
        pass
    assert peer.result == ("serve", True)


def test_what_the_peer_raised_is_raised_in_the_block_with_its_traceback() -> None:
    def serve() -> None:
        raise ConnectionResetError(104, "reset")

    with pytest.raises(ConnectionResetError) as caught, background(serve) as peer:
        pass
    assert [frame.name for frame in caught.traceback][-1] == "serve"
    assert "_call" not in [frame.name for frame in caught.traceback]
    assert repr(peer) == "serve() raised ConnectionResetError"


def test_wrong_arguments_are_an_error_too() -> None:
    with pytest.raises(TypeError, match="echo_once"), background(echo_once):
        pass


@dropped
def test_a_failed_peer_hangs_up(listener: socket.socket) -> None:
    def serve() -> None:
        try:
            connection, _ = listener.accept()
            again = connection
            again.recv(100)
            connection["no"]  # type: ignore[index]
        except TypeError as error:
            raise LookupError from error

    def speak(client: socket.socket) -> bytes:
        with background(serve):
            client.sendall(b"hello")
            left.append(client.recv(100))

        return b"unreachable"

    left: list[bytes] = []
    client = socket.create_connection(listener.getsockname()[:2])
    with client, pytest.raises(LookupError):
        speak(client)
    assert left == [b""]


def test_a_failed_peer_leaves_alone_what_others_hold(listener: socket.socket) -> None:
    connections = []

    def serve() -> None:
        connection, _ = listener.accept()
        connections.append(connection)
        raise LookupError

    with socket.create_connection(listener.getsockname()[:2]) as client:
        with pytest.raises(LookupError), background(serve):
            pass
        with connections.pop() as connection:
            connection.sendall(b"alive")
        assert client.recv(100) == b"alive"


def line_of(function: Callable[..., Any], offset: int) -> int:
    return function.__code__.co_firstlineno + offset


def test_a_hanging_peer_is_named_with_line_and_source(listener: socket.socket) -> None:
    def serve(listener: socket.socket) -> None:
        _connection, _ = listener.accept()

    with (
        pytest.raises(TimeoutError) as caught,
        background(serve, listener, patience=0.05) as peer,
    ):
        pass
    where = f"serve() is stuck at line {line_of(serve, 1)}"
    assert str(caught.value) == f"{where}: _connection, _ = listener.accept()"
    assert repr(peer) == "serve() released"
    assert listener.fileno() != -1


def test_a_hanging_helper_is_named_too(listener: socket.socket) -> None:
    def helper() -> None:
        listener.accept()

    def serve() -> None:
        helper()

    with pytest.raises(TimeoutError) as caught, background(serve, patience=0.05):
        pass
    where = f"serve() is stuck at line {line_of(helper, 1)} in helper()"
    assert str(caught.value) == f"{where}: listener.accept()"


def test_an_exit_that_a_callback_swallows_is_raised_again(listener: socket.socket) -> None:
    class Noted:
        pass

    swallowed: list[object] = []
    notes = []

    def noted() -> Noted:
        one = Noted()
        notes.append(weakref.ref(one, lambda note: swallowed.append(note)))
        return one

    def serve() -> None:
        with contextlib.suppress(OSError):
            print(noted(), listener.accept())  # the first argument goes as the error comes up
        while True:
            pass

    with pytest.raises(TimeoutError), background(serve, patience=0.05) as peer:
        pass
    assert swallowed == []
    assert repr(peer) == "serve() released"


def test_a_hanging_method_is_named() -> None:
    class Server:
        def serve(self, one: socket.socket) -> None:
            one.recv(1)

    one, other = socket.socketpair()
    stuck = pytest.raises(TimeoutError, match=r"^serve\(\) is stuck at line \d+: one\.recv")
    with one, other, stuck, background(Server().serve, one, patience=0.05):
        pass


def test_a_hanging_builtin_is_named() -> None:
    one, other = socket.socketpair()
    stuck = pytest.raises(TimeoutError, match=r"^recv\(\) is stuck$")
    with one, other, stuck, background(one.recv, 1, patience=0.05):
        pass


def receive(one: socket.socket) -> None:
    one.recv(1)


def receive_for_ever(one: socket.socket) -> None:
    while True:
        one.recv(1)


def read_file(one: socket.socket) -> None:
    with one.makefile("rb") as file:
        file.read()


def selecting(one: socket.socket) -> None:
    select.select([one], [], [])


def polling(one: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ)
        selector.select()


def counting(_: socket.socket) -> None:
    number = 0
    while True:
        number += 1


@pytest.mark.parametrize(
    "function",
    [receive, receive_for_ever, read_file, selecting, polling, counting],
)
def test_a_stuck_peer_is_released(function: Callable[[socket.socket], None]) -> None:
    one, other = socket.socketpair()
    stuck = pytest.raises(TimeoutError)
    with one, other, stuck as error, background(function, one, patience=0.05):
        pass
    assert "cannot" not in str(error.value)


@dropped
def test_a_peer_stuck_in_recvfrom_is_released(family: socket.AddressFamily) -> None:
    def serve() -> None:
        with socket.socket(family, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
            receiver.recvfrom(100)

    with pytest.raises(TimeoutError, match="recvfrom"), background(serve, patience=0.05):
        pass


@dropped
def test_a_peer_stuck_in_connect_is_released() -> None:
    def knock(address: Any) -> None:
        with socket.socket() as client:
            client.connect(address)

    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(1)
        first.connect(full.getsockname())
        second.connect(full.getsockname())
        with (
            pytest.raises(TimeoutError, match=r"client\.connect"),
            background(knock, full.getsockname(), patience=0.05),
        ):
            pass


def test_a_peer_stuck_on_a_global_socket_is_released() -> None:
    one, other = socket.socketpair()
    names: dict[str, Any] = {"one": one}
    exec("def serve():\n    one.recv(1)", names)
    stuck = pytest.raises(TimeoutError, match=r"line 2$")
    with one, other, stuck, background(names["serve"], patience=0.05):
        pass


@dropped
def test_sockets_that_a_stuck_peer_made_are_closed(listener: socket.socket) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        file = connection.makefile("rb")
        file.read()

    with socket.create_connection(listener.getsockname()[:2]) as client:
        with pytest.raises(TimeoutError, match=r"file\.read"), background(serve, patience=0.05):
            pass
        assert client.recv(1) == b""


@dropped
def test_a_peer_that_returns_while_it_is_released_leaves_nothing(listener: socket.socket) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        while connection.recv(100):
            pass

    with socket.create_connection(listener.getsockname()[:2]):
        with pytest.raises(TimeoutError, match="recv"), background(serve, patience=0.05) as peer:
            pass
        assert repr(peer) == "serve() released"


def test_a_lock_cannot_be_released_and_the_error_says_so() -> None:
    lock = threading.Lock()

    def serve() -> None:
        with lock:
            pass

    with lock:
        with pytest.raises(TimeoutError) as caught, background(serve, patience=0.05) as peer:
            pass
        assert str(caught.value).endswith("with lock: (it cannot be stopped: the thread lives on)")
        assert repr(peer) == "serve() stuck"
    peer._thread.join(10)
    assert not peer._thread.is_alive()


def test_the_error_of_the_block_comes_first_and_tells_what_the_peer_raised() -> None:
    raised = threading.Event()

    def serve() -> None:
        try:
            raise ConnectionResetError(104, "reset")
        finally:
            raised.set()

    def block() -> None:
        with background(serve):
            raised.wait()
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        block()
    notes = caught.value.__notes__
    assert notes == ["meanwhile serve() raised ConnectionResetError(104, 'reset')"]


def test_a_block_that_fails_does_not_wait_for_the_peer(listener: socket.socket) -> None:
    begun = monotonic()
    with pytest.raises(KeyboardInterrupt) as caught, background(echo_once, listener, patience=600):
        raise KeyboardInterrupt
    assert monotonic() - begun < 300
    assert not hasattr(caught.value, "__notes__")


def test_an_interrupt_while_waiting_releases_the_peer(listener: socket.socket) -> None:
    leaving = threading.Event()
    main = threading.get_ident()

    def serve() -> None:
        leaving.wait()
        signal.pthread_kill(main, signal.SIGINT)
        listener.accept()

    # A shell that starts tests in the background has them ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = monotonic()
    try:
        with pytest.raises(KeyboardInterrupt), background(serve, patience=600):
            leaving.set()
    finally:
        signal.signal(signal.SIGINT, before)
    assert monotonic() - begun < 300


def test_nothing_reaches_the_excepthook(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", heard.append)

    def fail() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit), background(fail):
        pass
    for _ in range(20):
        one, other = socket.socketpair()
        with one, other, pytest.raises(TimeoutError), background(counting, one, patience=0.001):
            pass
    assert heard == []
    assert capfd.readouterr().err == ""


def test_a_release_as_the_function_ends_does_no_harm() -> None:
    def serve(until: float) -> None:
        while monotonic() < until:
            pass

    for step in range(50):
        peer = background(serve, monotonic() + 0.001 + step * 1e-5, patience=0.001)
        with contextlib.suppress(TimeoutError), peer:
            pass
        assert "stuck" not in repr(peer)
        assert not peer._thread.is_alive()


def test_peers_can_talk_to_each_other(listener: socket.socket) -> None:
    def ask() -> bytes:
        with socket.create_connection(listener.getsockname()[:2]) as client:
            client.sendall(b"question")
            return client.recv(100)

    with background(echo_once, listener) as server, background(ask) as client:
        pass
    assert server.result == client.result == b"question"


def test_a_peer_holds_your_sockets_no_longer_than_the_block() -> None:
    peer: Peer
    one, other = socket.socketpair()
    with one, other, background(len, [one]) as peer:
        pass
    assert peer._args == ()
    assert peer.result == 1


def test_a_raised_error_prints_like_any_other() -> None:
    def serve() -> None:
        raise LookupError("no such thing")

    try:
        with background(serve):
            pass
    except LookupError as error:
        text = "".join(traceback.format_exception(error))
    assert text.endswith("LookupError: no such thing\n")
    assert 'raise LookupError("no such thing")' in text


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockutils.peers.asleep.MOMENT", 0.1)


@pytest.fixture
def interruptible(soon: None) -> Iterator[None]:
    # A shell that starts tests in the background has them ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def mistyped(listener: Any) -> None:
    listener.akcept()


def call_and_wait(listener: socket.socket) -> None:
    with (
        background(mistyped, listener, patience=60),
        socket.create_connection(listener.getsockname()[:2]) as client,
    ):
        client.recv(100)


@pytest.mark.usefixtures("interruptible")
def test_a_block_that_waits_in_vain_ends_with_the_peers_error(
    listener: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AttributeError, match="akcept") as caught:
        call_and_wait(listener)
    text = "".join(traceback.format_exception(caught.value))
    assert "KeyboardInterrupt" not in text
    line = f"line {line_of(call_and_wait, 5)}: client.recv(100)"
    assert caught.value.__notes__ == [f"mistyped() raised this while the block waited at {line}"]
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("interruptible")
def test_the_error_keeps_its_own_cause_and_context(listener: socket.socket) -> None:
    def fail() -> None:
        try:
            raise KeyError("the first")
        except KeyError as first:
            raise LookupError("the second") from first

    with pytest.raises(LookupError) as caught, background(fail):
        listener.accept()
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.__context__ is caught.value.__cause__


@pytest.mark.usefixtures("interruptible")
def test_a_block_that_catches_the_interrupt_ends_with_the_error_nevertheless(
    listener: socket.socket,
) -> None:
    def swallow() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            listener.accept()

    with pytest.raises(AttributeError, match="akcept"), background(mistyped, listener):
        swallow()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_that_comes_as_the_block_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    woken = threading.Event()
    main = threading.get_ident()
    late = threading.Timer(GRACE / 4, signal.pthread_kill, (main, signal.SIGINT))

    def wake(_: Sleeper) -> bool:
        late.start()
        woken.set()
        return True

    def fail() -> None:
        raise LookupError

    monkeypatch.setattr(Sleeper, "wake", wake)
    with pytest.raises(LookupError), background(fail):
        woken.wait()
    late.join()


@pytest.mark.usefixtures("interruptible")
def test_blocks_in_each_other_end_with_the_error_of_the_one_that_failed(
    listener: socket.socket,
) -> None:
    def block() -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(background(mistyped, listener, patience=60))
            waiting.append(stack.enter_context(background(listener.accept, patience=60)))
            threading.Event().wait()

    waiting: list[Peer] = []
    with pytest.raises(AttributeError, match="akcept"):
        block()
    assert repr(waiting[0]) == "accept() released"


@pytest.mark.usefixtures("interruptible")
def test_a_block_that_works_is_left_alone() -> None:
    """Longer than it may sleep, and with short naps, as polling loops have them."""
    begun = monotonic()

    def fail() -> None:
        raise LookupError

    def poll() -> None:
        while monotonic() < begun + 1:
            select.select([], [], [], 0.01)

    with pytest.raises(LookupError) as caught, background(fail):
        poll()
    assert monotonic() - begun > 1
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.usefixtures("interruptible")
def test_a_learner_who_thinks_at_a_breakpoint_is_left_alone() -> None:
    def fail() -> None:
        raise LookupError

    pdb: dict[str, Any] = {"__name__": "pdb"}
    exec("def prompt(event): return event.wait(1)", pdb)
    with pytest.raises(LookupError) as caught, background(fail):
        assert not pdb["prompt"](threading.Event())
    assert not hasattr(caught.value, "__notes__")


class Heard(io.StringIO):
    """A stream that tells when it has been told the whole of it."""

    def __init__(self) -> None:
        super().__init__()
        self.all = threading.Event()

    def flush(self) -> None:
        self.all.set()


@pytest.mark.usefixtures("soon")
def test_where_the_signal_has_a_handler_the_error_is_printed(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    monkeypatch.setattr("sys.stderr", heard)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(AttributeError, match="akcept"), background(mistyped, listener):
            assert heard.all.wait(30)
    finally:
        signal.signal(signal.SIGINT, before)
    error = """AttributeError("'socket' object has no attribute 'akcept'")"""
    line = f"line {line_of(mistyped, 1)}: listener.akcept()"
    waits = "The cell still waits: interrupt it to end it."
    assert heard.getvalue() == f"mistyped() raised {error} at {line}\n{waits}\n"


@pytest.mark.usefixtures("soon")
def test_outside_the_main_thread_the_error_is_printed_too(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def block() -> None:
        with pytest.raises(AttributeError), background(mistyped, listener):
            assert heard.all.wait(30)

    heard = Heard()
    monkeypatch.setattr("sys.stderr", heard)
    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert heard.getvalue().startswith("mistyped() raised AttributeError")
