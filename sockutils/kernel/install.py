"""A kernelspec with the absolute interpreter, for clients outside this environment."""

import json
import os
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

NAME = "sockutils"


def install(user: bool, prefix: str | None) -> str:
    """Write kernel.json where Jupyter looks for it; return the folder. OSError: as open(2).

    Without user and prefix it is the machine's own place, /usr/local. VS Code hides a kernelspec
    whose program it cannot find, and the one that pip installs says only `python`.
    """
    spec = json.loads(Path(__file__).with_name("kernel.json").read_text())
    spec["argv"][0] = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # Jupyter copies the mode as well: others may want the kernel
        Path(folder, "kernel.json").write_text(json.dumps(spec, indent=2) + "\n")
        place = KernelSpecManager().install_kernel_spec(folder, NAME, user=user, prefix=prefix)
    return str(place)
