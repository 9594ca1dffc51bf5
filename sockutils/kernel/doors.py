"""The ports of a kernel: bound where its client is, used where its cells are.

A listening socket belongs to the network in which it was made, and so do the connections that it
accepts. So a client outside reaches a kernel inside through sockets that were made before the
kernel went in, and that ZeroMQ takes over (ZMQ_USE_FD, zmq_setsockopt(3)). Unix sockets need none
of this: their paths lead into any network.
"""

import socket

import zmq

BACKLOG = 100  # ZeroMQ's own, ZMQ_BACKLOG


def open_door(ip: str, port: int) -> socket.socket:
    """Listen there for ZeroMQ; port 0 is any. OSError: EADDRINUSE, EADDRNOTAVAIL, as bind(2)."""
    door = socket.socket()
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart takes it again
        door.bind(("" if ip == "*" else ip, port))
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise OSError(error.errno, f"port {port} of {ip} cannot be had: {error.strerror}") from None
    return door


def take_over(zmq_socket: "zmq.Socket[bytes]", door: socket.socket) -> None:
    """Let the next bind() of the ZeroMQ socket use this door, which is ZeroMQ's from then on."""
    zmq_socket.setsockopt(zmq.USE_FD, door.detach())
