"""08_close: answers that are wrong, and what their authors are told."""

import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress

from sockutils import sockets

Address = tuple[str, int]


def waits_for_the_answer(address: Address, question: bytes) -> bytes:
    with socket.create_connection(address) as client:
        client.sendall(question)
        return client.recv(65536)


def ends_both_ways(address: Address, question: bytes) -> bytes:
    with socket.create_connection(address) as client:
        client.sendall(question)
        client.shutdown(socket.SHUT_RDWR)
        return client.recv(65536)


def reads_once(address: Address, question: bytes) -> bytes:
    with socket.create_connection(address) as client:
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)
        return client.recv(1 << 20)


def closes_to_say_so(address: Address, question: bytes) -> bytes:
    with socket.create_connection(address) as client:
        client.sendall(question)
    return client.recv(65536)


def whole(client: socket.socket, question: bytes) -> bytes:
    client.sendall(question)
    client.shutdown(socket.SHUT_WR)
    return b"".join(iter(lambda: client.recv(65536), b""))


def as_text(address: Address, question: bytes) -> str:
    with socket.create_connection(address) as client:
        return whole(client, question).decode()


def left_to_python(address: Address, question: bytes) -> bytes:
    return whole(socket.create_connection(address), question)


def file_left_to_python(address: Address, question: bytes) -> bytes:
    client = socket.create_connection(address)
    client.sendall(question)
    client.shutdown(socket.SHUT_WR)
    file = client.makefile("rb")
    client.close()
    return file.read()


def never_stops(address: Address, question: bytes) -> bytes:
    answer = b""
    with socket.create_connection(address) as client:
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)
        while True:
            answer += client.recv(65536)


def takes_a_part(address: Address, question: bytes) -> bytes:
    answer = b""
    with socket.create_connection(address) as client:
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while data := client.recv(65536):
                answer += data
    return answer


def knows_it_already(address: Address, question: bytes) -> bytes:
    return question.upper() * 3


# The last word


def just_closes(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)


def empties_first(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def does_not_wait(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)


def reads_first(connection: socket.socket, answer: bytes) -> None:
    with connection:
        while connection.recv(65536):
            pass
        connection.sendall(answer)


def never_says_so(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        while connection.recv(65536):
            pass


def stays_open(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(answer)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


def ends_it_all(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)
        while connection.recv(65536):
            pass


def counts_to_three(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        for _ in range(3):
            connection.recv(65536)


def counts_to_fifty(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        for _ in range(50):
            connection.recv(4096)


def ends_first(connection: socket.socket, answer: bytes) -> None:
    connection.shutdown(socket.SHUT_WR)
    connection.sendall(answer)
    while connection.recv(65536):
        pass
    connection.close()


def detaches(connection: socket.socket, answer: bytes) -> None:
    stays_open(connection, answer)
    connection.detach()


def until_silence(connection: socket.socket, answer: bytes, seconds: float) -> None:
    with connection:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(seconds)
        with suppress(OSError):
            while connection.recv(4096):
                pass


def hardly_waits(connection: socket.socket, answer: bytes) -> None:
    until_silence(connection, answer, 0.001)


def waits_too_little(connection: socket.socket, answer: bytes) -> None:
    until_silence(connection, answer, 0.5)


def sleeps(connection: socket.socket, answer: bytes) -> None:
    with connection:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        select.select([], [], [], 1)


# Leaks


def descriptors(inodes: set[int]) -> list[int]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}") in {f"socket:[{each}]" for each in inodes}:
                found.append(int(name))
    return found


def waiting(port: int) -> set[int]:
    rows = [row for row in sockets(port=port) if row.state == "CLOSE-WAIT"]
    return {row.inode for row in rows if row.local[1] == port}


def all_of_the_port(port: int) -> list[int]:
    return descriptors({row.inode for row in sockets(port=port) if row.local[1] == port})


def both_ends(port: int) -> list[int]:
    return descriptors(
        {row.inode for row in sockets(port=port) if row.state in ("CLOSE-WAIT", "FIN-WAIT-2")}
    )


def of_any_port(port: int) -> list[int]:
    return descriptors({row.inode for row in sockets() if row.state == "CLOSE-WAIT"})


def inodes(port: int) -> list[int]:
    return list(waiting(port))


def names(port: int) -> list[str]:
    return [str(number) for number in descriptors(waiting(port))]


def as_a_set(port: int) -> set[int]:
    return set(descriptors(waiting(port)))


def without_unread(port: int) -> list[int]:
    rows = [row for row in sockets(port=port) if row.state == "CLOSE-WAIT" and row.local[1] == port]
    return descriptors({row.inode for row in rows if row.receive_queue <= 1})


def closes_them(port: int) -> list[int]:
    found = descriptors(waiting(port))
    for number in found:
        os.close(number)
    return found


def takes_a_byte(port: int) -> list[int]:
    found = descriptors(waiting(port))
    for number in found:
        os.read(number, 1)
    return found


# Which of them it is depends on who is faster.
TOO_EARLY = "got E[A-Z]+: you (closed with bytes unread|had closed)|left the client's last words"

PAUSED = "the client was silent for a second, and you had closed: it goes on when it likes"

WRONG: list[tuple[str, Callable[..., object], str]] = [
    (
        "whole_question",
        waits_for_the_answer,
        "never heard the end of your question\nhint: what makes the server",
    ),
    (
        "whole_question",
        ends_both_ways,
        "(you returned 0|you got a reset); SHUT_RDWR ends what .*\nhint: SHUT_WR is",
    ),
    (
        "whole_question",
        reads_once,
        "the answer has [0-9]+ bytes, you returned [0-9]+\nhint: one recv",
    ),
    ("whole_question", closes_to_say_so, "Bad file descriptor, in your line"),
    ("whole_question", as_text, "it returned 'SHORTSHORTSHORT', not bytes"),
    ("whole_question", left_to_python, "you left it to Python to close your socket\nhint: `with`"),
    (
        "whole_question",
        file_left_to_python,
        "you left the file of makefile.. open, and it holds your.*\nhint: `with` closes a file",
    ),
    ("whole_question", never_stops, "still busy after 5 s.*\nhint: after the end recv.. gives b''"),
    ("whole_question", takes_a_part, "broke off with a reset, and you .*\nhint: with a part"),
    ("whole_question", knows_it_already, "nobody connected to the server"),
    ("last_word", just_closes, "the client got ECONNRESET: you closed with bytes unread"),
    ("last_word", empties_first, TOO_EARLY),
    ("last_word", does_not_wait, TOO_EARLY),
    ("last_word", reads_first, "the client waits for your answer, .*: answer first"),
    ("last_word", never_says_so, "got a timeout: say that you send no more"),
    (
        "last_word",
        stays_open,
        "you returned, and left the connection open\nhint: close.. is the last",
    ),
    ("last_word", ends_it_all, TOO_EARLY),
    (
        "last_word",
        ends_first,
        "BrokenPipeError before the client got a byte: .*\nhint: sendall.. first",
    ),
    ("last_word", detaches, "you returned, and left the connection open\nhint: close"),
    ("last_word", counts_to_three, "the client talked on after your end, and got E"),
    ("last_word", counts_to_fifty, "the client talked on after your end, and got E"),
    (
        "last_word",
        hardly_waits,
        f"the client talked on after your end, and got E|{PAUSED}|{TOO_EARLY}",
    ),
    ("last_word", waits_too_little, f"{PAUSED}.*\nhint: a pause is no end"),
    ("last_word", sleeps, f"{TOO_EARLY}|after your end"),
    ("leaks", all_of_the_port, "2 in your list should not be there: its client is there"),
    ("leaks", both_ends, "a client's end is in your list"),
    ("leaks", of_any_port, "should not be there: .* another server listens there"),
    ("leaks", inodes, "your list has inodes: which descriptor leads to each"),
    ("leaks", names, "it returned .'[0-9]+'., not a list of numbers"),
    ("leaks", as_a_set, "it returned .*, not a list of numbers"),
    ("leaks", without_unread, "1 of 2 leaked .*: its client has closed, and bytes are unread"),
    ("leaks", closes_them, "you closed a descriptor"),
    ("leaks", takes_a_byte, "you have taken bytes from a connection"),
]
