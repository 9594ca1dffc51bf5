"""What compose.yaml, .devcontainer/ and deploy/ say, as far as that can be read."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PROFILE = json.loads((ROOT / "deploy/seccomp.json").read_text())

# moby v26.1.5, profiles/seccomp/default.json, with sorted keys (see deploy/README.md).
DOCKERS_OWN = "33207991a16d8ac3c779c6fcdb0fc5c8ed41e8580d0110529039753d0db5046d"


def compose_service() -> dict[str, Any]:
    """The one service of compose.yaml, with the environment's variables in their places."""
    variable = re.compile(r"\$\{(\w+):?-([^}]*)\}")
    text = (ROOT / "compose.yaml").read_text()
    filled = variable.sub(lambda found: os.environ.get(found[1], found[2]), text)
    service: dict[str, Any] = yaml.safe_load(filled)["services"]["course"]
    return service


def test_the_profile_is_dockers_own_and_what_the_kernel_needs() -> None:
    *others, unshare, mount = PROFILE["syscalls"]
    text = json.dumps({**PROFILE, "syscalls": others}, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == DOCKERS_OWN
    assert (unshare["names"], mount["names"]) == (["unshare"], ["mount", "umount2"])
    # <linux/sched.h>: CLONE_NEWTIME, CGROUP, UTS, IPC and PID must all be absent.
    kinds = 0x80 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000
    assert unshare["args"] == [{"index": 0, "value": kinds, "op": "SCMP_CMP_MASKED_EQ"}]


def test_every_way_in_has_the_options_of_compose() -> None:
    service = compose_service()
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    options = [text.removesuffix("deploy/seccomp.json") for text in service["security_opt"]]
    dev_container = (ROOT / ".devcontainer/devcontainer.json").read_text()
    for option in ["--init", "--cap-drop=ALL", *(f"--security-opt={text}" for text in options)]:
        assert f'"{option}' in dev_container
    hub = (ROOT / "deploy/jupyterhub_config.py").read_text()
    for option in options:
        # Docker's API knows the last by other names.
        name = option.replace("systempaths=unconfined", "ReadonlyPaths")
        assert f'"{name}' in hub
