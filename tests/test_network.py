import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from sockutils.network import MODE, needs, network


def test_an_ordinary_python_is_in_a_shared_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODE, raising=False)
    assert not network().private
    assert repr(network()) == "shared network: choose the kernel 'Sockets (private network)'"


def test_a_shared_network_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODE, "shared: unshare() failed; allow it with: sudo make it so")
    assert repr(network()) == "shared network: unshare() failed; allow it with: sudo make it so"
    with pytest.raises(OSError, match="sudo make it so") as caught:
        needs("network")
    assert caught.value.errno == errno.EPERM
    (line,) = caught.value._render_traceback_()  # type: ignore[attr-defined]
    assert line in str(caught.value)


def test_a_private_network_has_its_own_settings(private: Callable[[str], str]) -> None:
    ports = "/proc/sys/net/ipv4/ip_local_port_range"
    code = f"""
import sockutils
from pathlib import Path
print(sockutils.network().private)
sockutils.needs({ports!r})
Path({ports!r}).write_text("40000 40003")
print(Path({ports!r}).read_text().split())
"""
    before = Path(ports).read_text()
    assert private(code) == "True\n['40000', '40003']\n"
    assert Path(ports).read_text() == before


def test_a_file_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODE, "private")
    with pytest.raises(OSError, match="needs to write /proc/sys/net/core/nothing, and"):
        needs("/proc/sys/net/core/nothing")
