"""An error that ends a cell says what to do next: an IPython extension, `%load_ext sockutils`.

It adds a note (PEP 678) to the exception that reaches the cell's end, below the traceback, and
touches nothing else: not its type, its arguments, its identity. Until then it costs nothing: it is
a handler of IPython's (`set_custom_exc`), not a hook in any call.
"""

from contextlib import suppress
from types import TracebackType
from typing import Any


class Note(str):
    """A note of ours, so that an exception that is raised again gets no second one."""


def load(shell: Any) -> None:
    """Handle every Exception that reaches the end of a cell of this IPython shell."""
    from sockutils.words.shown import Failed

    if hasattr(shell, "_sockutils_before"):
        return
    before = shell._sockutils_before = shell.custom_exceptions, shell.CustomTB
    failed = Failed()

    def handle(
        shell: Any,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType,
        tb_offset: int | None = None,
    ) -> Any:
        with suppress(Exception, KeyboardInterrupt):  # the learner's error comes first
            explain(shell, error, failed)
        if isinstance(error, before[0]):
            return before[1](kind, error, trace, tb_offset=tb_offset)
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=True)
        return None

    shell.set_custom_exc((Exception,), handle)
    shell._sockutils_handler = shell.CustomTB


def unload(shell: Any) -> None:
    """Let IPython handle exceptions as before; a handler that was set since stays."""
    if not hasattr(shell, "_sockutils_before"):
        return
    if shell.CustomTB is shell._sockutils_handler:
        shell.custom_exceptions, shell.CustomTB = shell._sockutils_before
    del shell._sockutils_before, shell._sockutils_handler


def explain(shell: Any, error: BaseException, failed: Any) -> None:
    """Add what can be said about an error; nothing where nothing can be said for sure."""
    from sockutils.words import names, sentences

    failed.add(shell, error)
    if hasattr(error, "_render_traceback_"):  # one of our own lines says it all
        return
    text = ""
    if isinstance(error, OSError):
        text = sentences.about(error, shell, failed)
    elif isinstance(error, (NameError, AttributeError)):
        text = names.about(error, shell)
    notes = getattr(error, "__notes__", [])
    notes[:] = [note for note in notes if not isinstance(note, Note)]
    if text:
        error.add_note(Note(text))
