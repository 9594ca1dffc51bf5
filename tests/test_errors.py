import errno
import os
import socket
import ssl
from contextlib import closing

import pytest

from sockutils.errors.shown import Entry, Errors, _failures, errors_shown, fails, name_of
from sockutils.libc import check, ffi, libc
from sockutils.peers.peer import background


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


class Own(socket.gaierror):
    pass


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (socket.gaierror(-2, "no"), "EAI_NONAME"),
        (Own(-2, "no"), "EAI_NONAME"),
        (socket.herror(2, "no"), "TRY_AGAIN"),
        (FileNotFoundError(2, "no"), "ENOENT"),
        (ssl.SSLError(2, "no"), "SSLError"),
        (OSError("no"), "OSError"),
        (OSError(["no"], "number"), "OSError"),
        (OSError(12345, "no"), "12345"),
        (BrokenPipeError("no number"), "BrokenPipeError"),
    ],
)
def test_each_number_is_read_in_its_own_table(error: OSError, name: str) -> None:
    assert name_of(error) == name


def half(heard: bytes = b"", over: bool = False) -> ssl.SSLObject:
    """A TLS client without a wire, that has heard this and waits for more unless it is over."""
    incoming = ssl.MemoryBIO()
    incoming.write(heard)
    if over:
        incoming.write_eof()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="localhost")


@pytest.mark.parametrize("name", ["SSLWantReadError", "SSL_ERROR_WANT_READ"])
def test_tls_has_numbers_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = half()
    with fails(name):
        client.do_handshake()
    told = "The operation did not complete (read)"
    assert capsys.readouterr().out == f"client.do_handshake() → SSLWantReadError: {told}\n"


@pytest.mark.parametrize("name", ["WRONG_VERSION_NUMBER", "SSLError", "SSL_ERROR_SSL"])
def test_a_mere_tls_error_is_named_by_its_reason(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = half(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with fails(name):
        client.do_handshake()
    told = "client.do_handshake() → WRONG_VERSION_NUMBER: wrong version number\n"
    assert capsys.readouterr().out == told


def test_the_end_of_a_tls_connection() -> None:
    # SSLEOFError, or with some versions of OpenSSL SSLZeroReturnError.
    with pytest.raises(ssl.SSLError) as caught:
        half(over=True).do_handshake()
    with fails(type(caught.value).__name__):
        half(over=True).do_handshake()


@pytest.mark.parametrize("name", ["ENOENT", "EPERM", "EAI_NONAME", "HOST_NOT_FOUND"])
def test_no_other_number_passes_for_one_of_tls(name: str) -> None:
    with (
        pytest.raises(AssertionError, match=rf"^expected {name}, but got: .* → SSLWant[^\n]*$"),
        fails(name),
    ):
        half().do_handshake()


def shake_hands(one: socket.socket, context: ssl.SSLContext) -> None:
    with closing(one), pytest.raises(ssl.SSLError):
        context.wrap_socket(one, server_side=True)


@pytest.mark.parametrize("name", ["SSLCertVerificationError", "CERTIFICATE_VERIFY_FAILED"])
def test_a_bad_certificate(
    name: str, tls: tuple[ssl.SSLContext, ssl.SSLContext], capsys: pytest.CaptureFixture[str]
) -> None:
    distrustful = ssl.create_default_context()
    one, other = socket.socketpair()
    with background(shake_hands, other, tls[1]), one, fails(name):
        distrustful.wrap_socket(one, server_hostname="localhost")
    told = capsys.readouterr().out.split(" → ")[1]
    assert told.startswith("SSLCertVerificationError: certificate verify failed")
    assert "_ssl.c" not in told


def test_the_reason_is_one_line() -> None:
    with pytest.raises(AssertionError) as caught, fails("EINVAL"):
        raise ValueError("one\ntwo")
    assert str(caught.value).count("\n") == 0


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
