"""What an error says below its traceback, in real kernels and in a terminal."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import cells
import pytest
import reference
from kernels import PATIENCE, kernel

from sockutils import words
from sockutils.practice.progress import names, read_lesson
from sockutils.words.names import index
from sockutils.words.sentences import link

Run = Callable[[str], str]
WORDS = tomllib.loads(Path(words.__file__).with_name("words.toml").read_text())
START = """
import asyncio, errno, os, select, signal, socket, subprocess, sys, tempfile, threading, time
from sockutils import background, fails, trace
from sockutils.libc import check, ffi, libc
from sockutils.kernel.network import in_one_line
HERE = ("127.0.0.1", 0)

def free():
    with socket.create_server(HERE) as probe:
        return probe.getsockname()
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Run]:
    with kernel() as (_, run):
        assert run(START) == ""
        yield run


# Not our own line about a timeout, which has no errno and is called by its class.
LAST = r"(?!TimeoutError: n)[\w.]*(Error|gaierror): "


def below(text: str) -> list[str]:
    """The lines below a traceback's last line."""
    lines = text.splitlines()
    ends = [i for i, line in enumerate(lines) if re.match(LAST, line)]
    return lines[ends[-1] + 1 :]


# Calls


CELLS = tomllib.loads(Path(__file__).with_name("words.toml").read_text())["cell"]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell["says"].split(":")[0])
def test_what_an_error_means_for_this_call(shared: Run, cell: dict[str, str]) -> None:
    lines = below(shared(cell["code"]))
    assert lines[0].startswith(cell["says"])
    assert lines[-1] == f"Shown in {link(cell['place'])}"
    assert len(lines) <= 3


@pytest.mark.parametrize(
    "code",
    [
        "open('/no/such/file')",
        "os.read(-1, 1)",
        "os.close(-1)",
        # 200: the lowest free number may be taken by another thread, before f.close()
        "f = open(os.dup2(0, 200), 'rb', 0)\nos.close(f.fileno())\nf.close()",
        "f = open(os.dup2(0, 200), 'rb', 0)\nos.close(f.fileno())\nf.raw = f\n[f][0].close()",
        "class Own: file = 3\nown = Own(); own.sock = open('/dev/null'); own.sock.connect()",
        "def connect(): open('/no/such/file')\nconnect()",
        "def connect(): raise ConnectionRefusedError(errno.ECONNREFUSED, 'mine')\nconnect()",
        "raise OSError(errno.EADDRINUSE, 'mine')",
        "import ssl\nraise ssl.SSLError(1, 'certificate')",
        "class Bell:\n    def send(self): raise BrokenPipeError(32, 'bell')\nBell().send()",
        "exec('socket.socket().shutdown(2)')",  # no source
        "[].missing",
        "x_y_z",
        "def f():\n    print(late)\n    late = 1\nf()",
    ],
)
def test_no_guess_where_it_cannot_be_told(shared: Run, code: str) -> None:
    text = shared(code)
    assert "Error" in text
    assert below(text) == []


# Who has the port


def in_use(text: str) -> str:
    first, *held, last = below(text)
    assert first == "EADDRINUSE: another socket has this address."
    assert last == f"Shown in {link('02_bind#Who may share a port?')}"
    return "\n".join(held)


def test_a_variable_of_this_notebook_and_the_cell_that_made_it(shared: Run) -> None:
    shared("mine = socket.create_server(free())\nport = mine.getsockname()[1]")
    cell = shared("len(In) - 2").strip()
    says = "`mine`, made in cell [{}], still listens on port {}: mine.close() gives it back."
    again = "mine = socket.create_server(('127.0.0.1', port))"
    port = shared("port").strip()
    for _ in range(2):  # the cells that failed have made nothing
        assert in_use(shared(again)) == says.format(cell, port)
    assert in_use(shared("s = socket.socket()\ns.bind(mine.getsockname())")) == ""
    assert in_use(shared("s.bind(('127.0.0.1', port))")) == says.format(cell, port)
    asked = "await asyncio.start_server(print, '127.0.0.1', port)"
    assert in_use(shared(asked)) == says.format(cell, port)
    shared("kept = [mine]; del mine")
    does = f"A socket in `kept` still listens on port {port}: close it first."
    assert in_use(shared("s.bind(('127.0.0.1', port))")) == does
    shared("kept[0].close(); s.close()")


def test_udp_and_tcp_are_told_apart(shared: Run) -> None:
    shared("t = socket.create_server(free()); port = t.getsockname()[1]")
    shared("u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('127.0.0.1', port))")
    text = shared("v = socket.socket(type=socket.SOCK_DGRAM); v.bind(('127.0.0.1', port))")
    assert re.match(r"`u`, made in cell \[\d+\], still has port", in_use(text))
    shared("t.close(), u.close(), v.close()")


def test_a_thread(shared: Run) -> None:
    shared("""
def wait(address):
    listener = socket.create_server(address)
    listening.set()
    listener.accept()

address, listening = free(), threading.Event()
thread = threading.Thread(target=wait, args=[address], name="wait", daemon=True)
thread.start()
listening.wait()
""")
    held = in_use(shared("socket.create_server(address)"))
    assert held.startswith("A socket of the thread `wait`, which still runs, still listens on port")
    shared("socket.create_connection(address).close(); thread.join()")


def test_a_background_function_of_the_block(shared: Run) -> None:
    text = shared("""
def serve(address):
    with socket.create_server(address) as listener:
        listening.set()
        listener.accept()

address, listening = free(), threading.Event()
with background(serve, address):
    listening.wait()
    socket.create_server(address)
""")
    assert re.match(r"serve\(\) had port \d+ in the background, until the block", in_use(text))


def test_a_child_and_another_process(shared: Run) -> None:
    shared("""
hold = "import socket; s = socket.create_server(('127.0.0.1', 0));"
hold += "print(s.getsockname()[1], flush=True); input()"
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
child = subprocess.Popen([sys.executable, "-c", hold], **pipes)
port = int(child.stdout.readline())
""")
    pid, port = shared("print(child.pid, port)").split()
    held = in_use(shared("socket.create_server(('127.0.0.1', port))"))
    assert held.startswith("A child of this notebook, python")
    assert held.endswith(f" -c, has port {port}: end it with !kill {pid}")
    shared("t = socket.create_server(('127.0.0.2', port))")  # not in the way
    assert in_use(shared("socket.create_server(('127.0.0.1', port))")) == held
    shared("t.close(); child.communicate()")
    shared("""
start = f'exec 3<&0; "{sys.executable}" -c "{hold}" <&3 & echo $!'
orphan = subprocess.Popen(["sh", "-c", start], **pipes)
pid = int(orphan.stdout.readline())
port = int(orphan.stdout.readline())
orphan.wait()
""")
    pid, port = shared("print(pid, port)").split()
    held = in_use(shared("socket.create_server(('127.0.0.1', port))"))
    assert held.startswith("Another process, python")
    assert held.endswith(f" -c (pid {pid}), has port {port}: end it, or take another port.")
    shared("orphan.stdin.close(); orphan.stdout.read(); orphan.stdout.close()")


def test_the_socket_that_wants_to_listen_is_not_in_its_own_way(shared: Run) -> None:
    shared("""
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so the child may bind, too
s.bind(HERE)
hold = f"import socket; s = socket.create_server({s.getsockname()}); print(flush=True); input()"
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
child = subprocess.Popen([sys.executable, "-c", hold], **pipes)
child.stdout.readline()
""")
    first, held, _ = below(shared("s.listen()"))
    assert first.startswith("EADDRINUSE: ")
    assert held.startswith("A child of this notebook, python")
    shared("s.close(); child.communicate()")


def test_a_descriptor_that_no_object_stands_for(shared: Run) -> None:
    shared("fd = socket.create_server(HERE).detach(); number = os.dup(fd); os.close(fd)")
    shared("with socket.socket(fileno=os.dup(number)) as s: port = s.getsockname()[1]")
    number, port = shared("print(number, port)").split()
    held = in_use(shared("socket.create_server(('127.0.0.1', port))"))
    assert held == f"Descriptor {number} of this notebook has port {port}: os.close({number})."
    shared("os.close(number)")


def test_nobody_any_more(shared: Run) -> None:
    text = shared(
        "with socket.create_server(free()) as s:\n    t = socket.socket(); t.bind(s.getsockname())"
    )
    assert in_use(text) == ""  # which port it was cannot be told
    text = shared("address = free()\nwith socket.create_server(address):\n    t.bind(address)")
    assert re.match(r"Port \d+ is free by now: a socket of this cell had it, or", in_use(text))
    text = shared("""
listener = socket.socket(); listener.bind(HERE); listener.listen()
address = listener.getsockname()
client = socket.create_connection(address)
server, _ = listener.accept()
server.close(); client.recv(1); client.close(); listener.close()
t.bind(address)
""")
    assert re.match(r"Nobody has port \d+, but a connection on it is in TIME_WAIT", in_use(text))
    shared("t.close()")


# Cells that have not been run


@pytest.fixture
def alone() -> Iterator[Run]:
    with kernel() as (_, run):
        run("%load_ext sockutils\nimport os, sys")
        yield run


TOP = "the first code cell: run that one first."
STALLS = 'a cell below the heading "One does not read": run that one first.'


def test_a_name_that_an_earlier_cell_makes(alone: Run) -> None:
    assert below(alone("lesson.greet")) == [f"In the lessons `lesson` comes from {TOP}"]
    knocks = STALLS.replace("One does not read", "What if somebody only ever knocks?")
    assert below(alone("cookies")) == [f"In deeper/03_listen.ipynb `cookies` comes from {knocks}"]
    assert below(alone("serve()")) == []  # several lessons have one
    for here in (
        "os.environ['JPY_SESSION_NAME'] = '/home/me/course/10_select-Copy1.ipynb'",
        "__vsc_ipynb_file__ = '/home/me/course/10_select.ipynb'",
        "del __vsc_ipynb_file__, os.environ['JPY_SESSION_NAME']\n"
        "from sockutils.lessons import select as lesson",
    ):
        alone(here)
        assert below(alone("hog_and_other()")) == [f"`hog_and_other` comes from {STALLS}"]
        assert below(alone("def f(): quiz(1)\nf()")) == [f"`quiz` comes from {TOP}"]
        assert below(alone("udp(5)")) == []
    alone("__vsc_ipynb_file__ = '/home/me/course/deeper/01_socket.ipynb'")
    alone("from sockutils.libc import libc")
    declared = STALLS.replace("One does not read", "The call in C")
    assert below(alone("libc.socket")) == [f"`socket` is declared in {declared}"]
    assert below(alone("libc.listen")) == []


def test_a_name_that_is_made_in_depth(alone: Run) -> None:
    alone("__vsc_ipynb_file__ = '/home/me/course/deeper/03_listen.ipynb'")
    knocks = 'comes from a cell below the heading "What if somebody only ever knocks?"'
    assert below(alone("cookies")) == [f"`cookies` {knocks}: run that one first."]
    assert below(alone("clients_let_in")) == []  # the lesson's own


@pytest.mark.parametrize("name", ["mine.ipynb", "\\udcff\\n.ipynb", "x" * 5000])
def test_a_notebook_that_is_no_lesson(alone: Run, name: str) -> None:
    alone(f"__vsc_ipynb_file__ = '{name}'")
    assert below(alone("lesson")) == []
    alone("from sockutils.libc import libc")
    assert below(alone("libc.listen")) == []


# A background function


TYPO = """
def serve(listener):
    listener.akcept()

listener = socket.create_server(HERE)
client = socket.create_connection(listener.getsockname())
"""


def test_a_cell_that_waits_in_vain_ends_with_the_error(shared: Run) -> None:
    text = shared(TYPO + "with background(serve, listener):\n    client.recv(1)")
    assert "KeyboardInterrupt" not in text
    assert below(text) == ["serve() raised this while the block waited at line 7: client.recv(1)"]
    assert shared("client.close(), listener.close()") == "(None, None)\n"


def test_a_cell_that_awaits_in_vain_tells_the_error_at_once(shared: Run) -> None:
    shared("told = threading.Event()")
    shared(TYPO)
    text = shared("""
with background(serve, listener):
    write = sys.stderr.write
    sys.stderr.write = lambda text: (write(text), "interrupt" in text and told.set())
    try:
        await asyncio.to_thread(told.wait)
    finally:
        sys.stderr.write = write
""")
    error = """serve() raised AttributeError("'socket' object has no attribute 'akcept'")"""
    assert text.startswith(f"{error} at line 2: listener.akcept()\nThe cell still waits")
    assert below(text) == []
    shared("client.close(), listener.close()")


# Beside the exception, never in its way


def test_the_exception_is_the_same_and_gets_its_note_once(shared: Run) -> None:
    shared("error = ConnectionRefusedError(errno.ECONNREFUSED, 'mine')\nerror.add_note('own')")
    shared("class Stub(socket.socket):\n    pass")
    shared("with socket.socket() as s:\n    s.accept()")
    again = "sys.last_value is first, type(first), first.args, len(first.__notes__)"
    shared("first = sys.last_value")
    for _ in range(3):
        assert len(below(shared("raise first"))) == 2
        assert shared(again) == "(True, OSError, (22, 'Invalid argument'), 1)\n"
    assert below(shared("raise error")) == ["own"]


def test_fails_is_left_alone(shared: Run) -> None:
    shown = shared("with socket.socket() as s, fails('EINVAL'):\n    s.accept()")
    assert shown == "s.accept() → EINVAL (22): Invalid argument\n"


def test_an_error_that_is_one_line_stays_one_line(shared: Run) -> None:
    shown = shared("""
def stop():
    with socket.socket() as s:
        try:
            s.accept()
        except OSError as error:
            raise in_one_line(error, "only this")
stop()
""")
    assert shown == "only this\n"
    assert shared("hasattr(sys.last_value, '__notes__')") == "False\n"


def test_a_failure_of_its_own_is_not_seen(alone: Run) -> None:
    alone("from sockutils.words import sentences\nsentences.failed_call = None\nimport socket")
    for _ in range(2):
        text = alone("socket.socket(9999)")
        assert "Address family not supported" in text.splitlines()[-1]
        assert "NoneType" not in text
    assert "made" not in alone("raise LookupError('mine')")


def test_load_and_unload_leave_everything_as_it_was(alone: Run) -> None:
    alone("import socket, select, sys, threading; shell = get_ipython()")
    look = "[*vars(socket.socket).items()], [*vars(socket).items()], sys.gettrace(), "
    look += "sys.getprofile(), sys.excepthook, threading.excepthook, "
    look += "[*map(len, shell.events.callbacks.values())]"
    fail = "socket.socket(9999)"
    alone(f"loaded = {look}\n%unload_ext sockutils")
    assert alone(f"unloaded = {look}\nloaded == unloaded") == "True\n"
    assert alone("shell.custom_exceptions") == "()\n"
    assert below(alone(fail)) == []
    alone("raise ValueError")
    plain = alone("1 / 0")
    assert alone("%load_ext sockutils\n%load_ext sockutils").startswith("The sockutils")
    assert re.sub(r"In\[\d+\]", "", alone("1 / 0")) == re.sub(r"In\[\d+\]", "", plain)
    assert len(below(alone(fail))) == 2
    alone("%reload_ext sockutils")
    assert len(below(alone(fail))) == 2


def test_other_handlers_live_beside_it(alone: Run) -> None:
    alone("import socket\n%unload_ext sockutils")
    alone("def mine(*args, tb_offset=None): print('heard', args[2])")
    alone("get_ipython().set_custom_exc((ZeroDivisionError,), mine)\n%load_ext sockutils")
    assert alone("1 / 0") == "heard division by zero\n"
    assert len(below(alone("socket.socket(9999)"))) == 2
    alone("get_ipython().set_custom_exc((LookupError,), mine)\n%unload_ext sockutils")
    assert alone("[][0]") == "heard list index out of range\n"


def test_in_a_terminal(tmp_path: Path) -> None:
    cells = """
%load_ext sockutils
import socket
s = socket.create_server(("127.0.0.1", 0)); address = s.getsockname()
socket.create_server(address)
lesson.greet
%unload_ext sockutils
lesson.greet
"""
    command = [
        sys.executable,
        "-m",
        "IPython",
        "--simple-prompt",
        "--no-banner",
        "--colors=NoColor",
    ]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "dumb"}
    environment.pop("JPY_SESSION_NAME", None)
    done = subprocess.run(
        command,
        input=cells,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "`s`, made in cell [3], still listens on port" in done.stdout
    assert done.stdout.count(f"In the lessons `lesson` comes from {TOP}") == 1


# The tables


def headings() -> set[str]:
    texts = [cell for cell in reference.cells() if cell.kind == "markdown"]
    return {
        f"{cell.notebook.removesuffix('.ipynb')}#{heading}"
        for cell in texts
        for heading in re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE)
    }


def test_every_link_leads_to_a_heading() -> None:
    lessons = WORDS.pop("lessons")
    places = {place for page in WORDS.values() for _, place in page.values()}
    assert (places | set(lessons.values())) - headings() == set()
    WORDS["lessons"] = lessons


def test_texts_are_short_and_end_in_a_full_stop() -> None:
    for page, errors in WORDS.items():
        for text, _ in errors.values() if page != "lessons" else []:
            assert text.endswith((".", ".)", "?"))
            assert all(len(line) <= 110 for line in text.splitlines())
            assert text.count("\n") <= 1


def test_the_index_of_names_is_fresh() -> None:
    assert cells.INDEX.read_text(encoding="utf-8") == cells.text(), (
        "make notebooks, or tests/cells.py"
    )


def test_each_lessons_notebook_is_in_the_index() -> None:
    lessons = {read_lesson(name)["notebook"] for name in names()}
    assert lessons <= set(index())
