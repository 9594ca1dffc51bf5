"""What a call has answered, in words."""

from typing import Any

from sockutils.errors.shown import name_of

LONG = 24  # bytes of data that are shown


def told(error: Exception) -> str:
    name = name_of(error)
    number = f" ({error.errno})" if isinstance(error, OSError) and error.errno else ""
    return f"{name}{number}"


def shown(result: Any, ports: range) -> str:
    """A value; of long data the beginning, and for a port that the kernel has chosen, a word."""
    match result:
        case bytes() if len(result) > LONG:
            return f"{result[:12]!r}… {len(result):,} bytes"
        case int() if result >= 10_000:
            return f"{result:,}"
        case (str(host), int(port)) if port in ports:
            return f"({host!r}, ephemeral)"
        case tuple():
            return f"({', '.join(shown(each, ports) for each in result)})"
    return repr(result)


def ephemeral() -> range:
    """The ports that the kernel chooses from, ip(7)."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first, last = map(int, file.read().split())
    return range(first, last + 1)
