import errno
import os
import socket

import pytest

from sockutils.errors import Entry, Errors, _failures, errors_shown, fails, name_of
from sockutils.libc import check, ffi, libc


@pytest.fixture(autouse=True)
def nothing_shown_before() -> None:
    _failures.clear()


def test_prints_the_call_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unbound, fails("ENOTCONN"):
        unbound.shutdown(socket.SHUT_WR)
    told = capsys.readouterr().out
    assert told == (
        f"unbound.shutdown(socket.SHUT_WR) → ENOTCONN ({errno.ENOTCONN}): "
        f"{os.strerror(errno.ENOTCONN)}\n"
    )


def test_call_over_several_lines_and_non_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as möbius, fails("EPIPE"):
        möbius.send(
            b"one"  # the first of none
            b"two",
        )
    assert capsys.readouterr().out.startswith('möbius.send( b"one"')


def test_nothing_failed() -> None:
    with (
        pytest.raises(AssertionError, match="expected EADDRINUSE, but nothing failed"),
        fails("EADDRINUSE"),
    ):
        pass


def test_another_error_says_what_happened_instead() -> None:
    with (
        socket.socket() as listener,
        pytest.raises(AssertionError, match=r"but got: listener.accept\(\) → EINVAL \(22\)"),
        fails("EADDRINUSE"),
    ):
        listener.accept()


@pytest.mark.parametrize("alias", ["EWOULDBLOCK", "EAGAIN"])
def test_one_number_two_names(alias: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        with fails(alias):
            listener.accept()


def test_resolver_errors() -> None:
    with fails("EAI_NONAME"):
        socket.getaddrinfo("no.such.name.invalid", None, flags=socket.AI_NUMERICHOST)
    assert name_of(socket.herror(1, "Unknown host")) == "HOST_NOT_FOUND"
    with fails("HOST_NOT_FOUND"):
        raise socket.herror(1, "Unknown host")


def test_errors_of_python_itself() -> None:
    with socket.socket() as unbound, fails("OverflowError"):
        unbound.bind(("127.0.0.1", 70000))
    with pytest.raises(AssertionError, match="OverflowError"), fails("EINVAL"):
        raise OverflowError("bind(): port must be 0-65535.")


def test_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt), fails("EINTR"):
        raise KeyboardInterrupt


def test_c_call_is_named_as_the_learner_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    ffi.cdef("int listen(int sockfd, int backlog);")
    with fails("EBADF"):
        check(libc.listen(-1, 5))
    assert capsys.readouterr().out == "check(libc.listen(-1, 5)) → EBADF (9): Bad file descriptor\n"


def refuse(sock: socket.socket) -> None:
    sock.listen()


def test_innermost_call_of_the_learners_own_functions(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, fails("EOPNOTSUPP"):
        refuse(udp)
    assert capsys.readouterr().out.startswith("sock.listen() → EOPNOTSUPP")


def test_errors_shown_counts_only_this_call_and_this_entry() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        with fails("EOPNOTSUPP"):
            udp.accept()
        assert errors_shown("listen").shown == [None] * 5
        with fails("EOPNOTSUPP"):
            udp.listen()
    assert errors_shown("listen").shown == [None, None, None, None, "udp.listen()"]


def test_two_entries_of_one_errno() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.socket() as second:
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with fails("EADDRINUSE", "ephemeral"):
            second.bind(first.getsockname()), second.listen()
    shown = errors_shown("listen").shown
    assert shown[:2] == [None, None]  # bind() failed, not listen()


def test_text_tells_shown_unshown_and_impossible() -> None:
    entries = [Entry("EBADF", "bad"), Entry("EPERM", "no"), Entry("EPROTO", "odd", "never")]
    text = repr(Errors("close(2)", entries, ["close(3)", None, None]))
    assert text.splitlines()[0] == "close(2) lists 3 errors; shown here: 1"
    assert "close(3)" in text
    assert "not yet" in text
    assert "not to be had: never" in text


def test_unknown_call() -> None:
    with pytest.raises(KeyError):
        errors_shown("fork")
