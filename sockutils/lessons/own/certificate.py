"""What a learner's server has passed, and how many clients it serves in which time."""

import time
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import NamedTuple

from sockutils.lessons.own.server import TRIALS
from sockutils.practice.exercise import Result
from sockutils.practice.own import answers, caller
from sockutils.practice.program import Program, free, running
from sockutils.practice.progress import in_order, outcome, read_lesson

CLIENTS = 500  # at the same time: fewer than the usual limit of descriptors
ROUNDS = 20
ENDS = ["clients that are late", "SIGTERM in the middle of 50 lines"]


class Certificate(NamedTuple):
    file: str
    steps: list[str]  # of the lessons whose step it has passed
    seconds: float  # for all lines of all clients

    def __repr__(self) -> str:
        return "\n".join(
            [
                "Certificate",
                f"{self.file} has passed the steps of {', '.join(self.steps)}.",
                f"It stood {', '.join([*TRIALS, *ENDS])}.",
                f"{CLIENTS} clients at once have asked {CLIENTS * ROUNDS:,} questions, "
                f"and were answered in {self.seconds:.2f} s.",
            ]
        )

    def _repr_html_(self) -> str:
        title, *lines = map(escape, repr(self).splitlines())
        return f"<h3>{title}</h3>" + "".join(f"<p>{line}</p>" for line in lines)


def certificate(file: str) -> Certificate | Result:
    """Let a crowd ask the server in this file, once it has passed its last step."""
    path = Path(file)
    if not path.exists():
        return Result("certificate", "not attempted", f"{path} is not there yet: write it first")
    if outcome("server", "step") != "passed":
        return Result("certificate", "not yet — it takes a server that has passed the step above")
    free()
    with running(path) as program:
        program.listens()
        return Certificate(path.name, steps(), crowd(program))


def steps() -> list[str]:
    return [
        read_lesson(name)["notebook"][:2]
        for name in in_order()
        if outcome(name, "step") == "passed"
    ]


def crowd(program: Program) -> float:
    """The seconds until all clients have had all their answers."""
    with ExitStack() as stack:
        clients = [stack.enter_context(caller()) for _ in range(CLIENTS)]
        start = time.monotonic()
        for _ in range(ROUNDS):
            for client in clients:
                client.sendall(b"a question\n")
            for client in clients:
                answers(program, client, b"A QUESTION\n")
        return time.monotonic() - start
