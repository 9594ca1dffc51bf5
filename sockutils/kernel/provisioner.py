"""How Jupyter starts the kernel `sockutils`: as any local one, but through the shim, over ipc."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

SHIM = str(Path(__file__).with_name("shim.py"))
# unix(7): a socket's path has 108 bytes; ours adds the directory's name and "/kernel-5".
LONGEST = 80


class PrivateNetworkProvisioner(LocalProvisioner):
    """Start a kernel in a private network of its own.

    Unix sockets are reached by their path, from any network namespace; TCP ports are not. So the
    kernel's five channels run over ipc, in a short temporary directory that goes away with the
    kernel, or with this process, however it ends.
    """

    janitor: subprocess.Popen[bytes] | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        if os.name != "posix":  # no Unix sockets, no shim: an ordinary kernel
            return await super().pre_launch(**kwargs)
        if self.janitor is None:  # not a restart
            manager: Any = self.parent
            manager.transport = "ipc"
            manager.cache_ports = False
            manager.ip = str(self._new_directory() / "kernel")
        kwargs = await super().pre_launch(**kwargs)
        # -I -S: nothing of the user's may slow the shim down or change what it imports.
        kwargs["cmd"] = [kwargs["cmd"][0], "-I", "-S", SHIM, *kwargs["cmd"]]
        return kwargs

    async def cleanup(self, restart: bool = False) -> None:
        await super().cleanup(restart=restart)
        if self.janitor is not None and not restart:
            self.janitor.communicate()
            self.janitor = None

    def _new_directory(self) -> Path:
        short = len(tempfile.gettempdir()) < LONGEST
        directory = tempfile.mkdtemp(prefix="sockutils-", dir=None if short else "/tmp")
        # The janitor waits for the end of its input. That comes with cleanup(), and also when this
        # process dies by a signal that no code of ours would see.
        self.janitor = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; rm -rf "$1"', "sh", directory],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        return Path(directory)
