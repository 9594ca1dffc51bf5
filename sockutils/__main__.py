"""The command line: `python -m sockutils lab [FOLDER]`, `... copy`, `restore 03`, `why TEXT`."""

import argparse
import os
import sys
from pathlib import Path

from sockutils.course.copies import Folder

FOLDER = "my_course"
START = "00_start_here.ipynb"
FEWER = "Try fewer words, or the error's name, as in ECONNRESET"


def lay_out(chosen: argparse.Namespace) -> None:
    """Lay the lessons out, and say what is new."""
    folder = Folder(Path(chosen.folder))
    for line in folder.lay_out(chosen.outputs):
        print(line, flush=True)
    trust(folder.written)


def lab(chosen: argparse.Namespace, options: list[str]) -> None:
    """Lay the lessons out and become JupyterLab there; the options are JupyterLab's."""
    lay_out(chosen)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={chosen.folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{START}"]
    if not any(option.startswith(("--ip", "--ServerApp.ip")) for option in options):
        command.append("--ip=127.0.0.1")
    if hasattr(os, "getuid") and os.getuid() == 0:
        command.append("--allow-root")
    os.execv(command[0], [*command, *options])


def trust(lessons: list[str]) -> None:
    """Sign the outputs that were laid out, as if they came from here: Jupyter shows all of them."""
    if not lessons:
        return  # the import below takes as long as all the rest
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for text in lessons:
        notary.sign(nbformat.v4.reads(text))
    notary.store.close()


def restore(chosen: argparse.Namespace) -> None:
    """Give a lesson afresh and keep the old one."""
    folder = Folder(Path(chosen.folder))
    for line in folder.restore(chosen.lesson):
        print(line)
    trust(folder.written)


def why(chosen: argparse.Namespace) -> None:
    """Say what an error's text, or a symptom, may mean, and where the course shows its cure."""
    from sockutils.why.told import told

    asked = " ".join(chosen.text)
    answer = told(asked)
    if not answer:
        raise ValueError(f"the course has nothing on {asked!r}. {FEWER}")
    print(answer)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="sockutils", description="The socket API, live: a course.")
    commands = top.add_subparsers(metavar="COMMAND", required=True, dest="command")
    texts = {
        "lab": "open your copy of the course in JupyterLab; further options are JupyterLab's",
        "copy": "lay it out or bring it up to date, and open nothing",
        "restore": "a lesson afresh; yours is kept",
        "why": "what an error's text means, or what you see, and which cell shows the cure",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text)
        if name == "restore":
            command.add_argument("lesson", help="its number, as in 03")
        elif name == "why":
            command.add_argument("text", nargs="+", help='as in "Errno 104", or CLOSE_WAIT')
            continue
        else:
            command.add_argument("--outputs", action="store_true", help="keep the stored outputs")
        command.add_argument("folder", nargs="?", default=FOLDER, help=f"where it is ({FOLDER})")
    return top


def main() -> None:
    chosen, options = parser().parse_known_args()
    if options and chosen.command != "lab":
        sys.exit(f"sockutils {chosen.command}: unknown option {options[0]}")
    try:
        if chosen.command == "lab":
            lab(chosen, options)
        elif chosen.command == "copy":
            lay_out(chosen)
        elif chosen.command == "why":
            why(chosen)
        else:
            restore(chosen)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(f"sockutils: {place}{error.strerror or error}")
    except ValueError as error:
        sys.exit(f"sockutils: {error}")


if __name__ == "__main__":
    main()
