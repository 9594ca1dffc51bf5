"""What a kernel must know before it binds anything: is the connection file one?"""

import json
from pathlib import Path

from traitlets.utils import filefind

TRANSPORTS = ("tcp", "ipc")


def check_connection_file(name: str, folders: list[str]) -> None:
    """Look for the file in these folders. OSError: ENOENT. ValueError: it says nothing that helps.

    IPython's kernel would make a missing one, where no client looks for it, and print a page about
    a broken one. jupyter_client, "Connection files".
    """
    try:
        path = filefind(name, folders)
    except OSError:
        raise FileNotFoundError(f"there is no connection file {name}") from None
    try:
        told = json.loads(Path(path).read_text())
        ports = [
            told[f"{channel}_port"] for channel in ("shell", "iopub", "stdin", "control", "hb")
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no connection file: {error!r}") from None
    if told.get("transport", "tcp") not in TRANSPORTS:
        known = " and ".join(TRANSPORTS)
        raise ValueError(f"{path} asks for transport {told['transport']!r}; there are {known}")
    if not all(type(port) is int and 0 <= port < 65536 for port in ports):
        raise ValueError(f"{path} has ports that are none: {ports}")
