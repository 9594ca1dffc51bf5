"""What was clicked, as a program of plain Python: *Copy as program*."""

import re
from collections.abc import Iterator

from sockutils.workbench.call import WORKS, Call
from sockutils.workbench.core import Workbench
from sockutils.workbench.record import Event
from sockutils.workbench.step import LINE
from sockutils.workbench.text import done

WAITS = '''
pool = ThreadPoolExecutor()


def start(call, *arguments):
    """Make a call that waits, in a thread of its own."""
    future = pool.submit(call, *arguments)
    time.sleep(0.2)  # until it waits
    return future

'''


def program(bench: Workbench) -> str:
    """Return a program that makes the same calls, and prints what each answers.

    A call that has waited is made in a thread. There is no line between machines: it uses
    127.0.0.1 instead.
    """
    body = list(written(bench))
    text = "\n".join(body)
    threads = any(" = start(" in line for line in body)
    head = ["import socket"]
    head += ["import struct"] * ("struct." in text)
    head += ["import time", "from concurrent.futures import ThreadPoolExecutor"] * threads
    return "\n".join([*head, WAITS if threads else "", text, ""])


def written(bench: Workbench) -> Iterator[str]:
    names = Names(bench)
    who, made = "", list[str]()
    late: dict[Call, str] = {}
    for event in bench.run.record.events if bench.run else []:
        if event.kind == "line":
            yield from other(event, late)
        if not isinstance(event.what, Call):
            continue
        call: Call = event.what
        if call.step.program != who:
            who = call.step.program
            yield f"# {'the second client' if who == 'second' else f'the {who}'}"
        if event.kind == "ended":
            yield from outcome(call, f"{late.pop(call)}.result()", names)
        elif isinstance(call.error, NameError):
            yield f"# {call.step.code}: no such socket"
        elif call.waited:
            late[call] = f"waiting_{len(late) + 1}" if late else "waiting"
            yield f"{late[call]} = start({', '.join(names.parts(call))})"
        else:
            yield from outcome(call, names.call(call), names)
        if call.kind == WORKS and call.code.call in ("socket", "accept"):
            made.append(names.of(call, call.code.names.partition(",")[0]))
    yield from ending(list(dict.fromkeys(made)), late)


def other(event: Event, late: dict[Call, str]) -> Iterator[str]:
    if event.what != "cancel":
        yield f"# {done(event.what)} (only in the workbench)"
    for call in late:
        if event.what == "cancel" and call.step.program == event.ends[0]:
            yield f"# Cancel: {call.code.call}() of the {call.step.program} is woken"
            yield f"try:\n    {call.code.on}.shutdown(socket.SHUT_RDWR)\nexcept OSError:\n    pass"


def outcome(call: Call, made: str, names: "Names") -> Iterator[str]:
    code = f"{call.code.on}.{call.code.call}({call.code.arguments})"
    if call.error is not None:
        yield f"try:\n    {made}\nexcept Exception as error:"
        yield f"    print({code!r}, '→', error)"
    elif call.code.names:
        yield f"{names.targets(call)} = {made}"
    elif call.result is None:
        yield made
    else:
        yield f"print({code!r}, '→', {made})"


def ending(made: list[str], late: dict[Call, str]) -> Iterator[str]:
    if made:
        yield "# the end"
        for call in late:
            yield f"try:\n    {call.code.on}.shutdown(socket.SHUT_RDWR)\nexcept OSError:\n    pass"
        yield f"for each in [{', '.join(made)}]:\n    each.close()"


class Names:
    """Variables of one program: those of two programs with one name become two."""

    def __init__(self, bench: Workbench) -> None:
        self.line = bool(bench.run and bench.run.wire.link is not None)
        users: dict[str, set[str]] = {}
        for step in bench.steps:
            for name in (
                re.findall(r"^(\w+)(?:, \w+)? = ", step.code) if step.program != LINE else ()
            ):
                users.setdefault(name, set()).add(step.program)
        self.shared = {name for name, programs in users.items() if len(programs) > 1}

    def of(self, call: Call, name: str) -> str:
        return f"{call.step.program}_{name}" if name in self.shared else name

    def targets(self, call: Call) -> str:
        return ", ".join(self.of(call, name) for name in call.code.names.split(", "))

    def parts(self, call: Call) -> list[str]:
        on, arguments = self.of(call, call.code.on), call.code.arguments
        arguments = re.sub(r"\b10\.0\.0\.[12]\b", "127.0.0.1", arguments)
        return [f"{on}.{call.code.call}", *filter(None, [arguments])]

    def call(self, call: Call) -> str:
        function, *arguments = self.parts(call)
        return f"{function}({', '.join(arguments)})"
