"""Where the C library looks for a name first."""

import re
from contextlib import suppress
from pathlib import Path


def in_hosts(name: str) -> bool:
    """Whether /etc/hosts has the name, and nsswitch.conf names it first: nobody else is asked."""
    with suppress(OSError):
        hosts, order = Path("/etc/hosts").read_text(), Path("/etc/nsswitch.conf").read_text()
        known = any(name in line.partition("#")[0].split()[1:] for line in hosts.splitlines())
        return known and re.search(r"^hosts:\s+files\b", order, re.MULTILINE) is not None
    return False
