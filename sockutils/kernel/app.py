"""IPython's kernel, which binds its ports outside and then goes into a private network."""

import socket
import sys
from typing import Any

import ipykernel.heartbeat
import zmq
from ipykernel.kernelapp import IPKernelApp
from traitlets import List

from sockutils.kernel.connection import check_connection_file
from sockutils.kernel.degrees import allow_enough_descriptors, enter_private_network
from sockutils.kernel.doors import open_door, take_over

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
IN_PROCESS = "inproc://shell"


class Heartbeat(ipykernel.heartbeat.Heartbeat):
    """IPython's, on a port that was bound outside."""

    door: socket.socket | None = None

    def _try_bind_socket(self) -> None:
        if self.door:
            take_over(self.socket, self.door)
        super()._try_bind_socket()


class SocketsKernelApp(IPKernelApp):
    """Started by kernel.json's `argv` alone, so by every client, over tcp or ipc."""

    # Words below the errors of cells: `%unload_ext sockutils` takes them away.
    default_extensions = List(default_value=["storemagic", "sockutils"])

    doors: dict[int, socket.socket]

    def init_connection_file(self) -> None:
        if self.connection_file:
            check_connection_file(self.connection_file, [".", self.connection_dir])
        super().init_connection_file()

    def init_sockets(self) -> None:
        self._open_doors()
        allow_enough_descriptors()
        if refused := enter_private_network():
            print(refused, file=sys.stderr, flush=True)
        super().init_sockets()

    def _open_doors(self) -> None:
        self.doors = {}
        for name in PORTS if self.transport == "tcp" else ():
            door = open_door(self.ip, getattr(self, name))
            setattr(self, name, door.getsockname()[1])
            self.doors[getattr(self, name)] = door

    def _try_bind_socket(self, s: Any, port: int) -> Any:
        if door := self.doors.pop(port, None):
            take_over(s, door)
        return super()._try_bind_socket(s, port)

    def init_control(self, context: Any) -> None:
        # The debugger's client in this process connects to where the shell socket was bound last;
        # the port outside cannot be reached from inside.
        self.shell_socket.bind(IN_PROCESS)
        super().init_control(context)

    def init_heartbeat(self) -> None:
        keys = {name: getattr(self, name, None) for name in ("curve_publickey", "curve_secretkey")}
        given = {name: key for name, key in keys.items() if key is not None}
        address = (self.transport, self.ip, self.hb_port)
        self.heartbeat = Heartbeat(zmq.Context(), address, **given)
        self.heartbeat.door = self.doors.pop(self.hb_port, None)
        self.hb_port = self.heartbeat.port
        self.heartbeat.start()

    def init_path(self) -> None:
        """Let cells import what lies beside the notebook, which `python -P` would forbid them."""
        super().init_path()
        if "" not in sys.path and not self.ignore_cwd:
            sys.path.append("")
