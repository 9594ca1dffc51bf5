"""`python -m sockutils lab [FOLDER]` opens the course, `... restore 03` gives a fresh lesson."""

import argparse
import os
import sys
from pathlib import Path

from sockutils.course.copies import Folder
from sockutils.course.source import lessons

FOLDER = "my_course"
START = "00_start_here.ipynb"


def lab(chosen: argparse.Namespace, options: list[str]) -> None:
    """Lay the lessons out and become JupyterLab there."""
    folder = Path(chosen.folder)
    for line in Folder(folder).lay_out(chosen.outputs):
        print(line)
    if chosen.outputs:
        trust(folder)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}"]
    command += [f"--LabApp.default_url=/lab/tree/{START}"]
    if not any(option.startswith(("--ip", "--ServerApp.ip")) for option in options):
        command.append("--ip=127.0.0.1")
    if hasattr(os, "getuid") and os.getuid() == 0:
        command.append("--allow-root")
    sys.stdout.flush()
    os.execv(command[0], [*command, *options])


def trust(folder: Path) -> None:
    """Sign the stored outputs, as if they came from here: Jupyter shows all that is in them."""
    import nbformat
    from nbformat.sign import NotebookNotary

    for name in lessons():
        if (folder / name).exists():
            NotebookNotary().sign(nbformat.read(folder / name, as_version=4))


def restore(chosen: argparse.Namespace, options: list[str]) -> None:
    """Give a lesson afresh and keep the old one."""
    if options:
        sys.exit(f"sockutils restore: unknown option {options[0]}")
    for line in Folder(Path(chosen.folder)).restore(chosen.lesson):
        print(line)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="sockutils", description="The socket API, live: a course.")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    first = commands.add_parser("lab", help="open your copy of the course in JupyterLab")
    first.add_argument("folder", nargs="?", default=FOLDER, help=f"where it is ({FOLDER})")
    first.add_argument("--outputs", action="store_true", help="lay out the stored outputs, too")
    first.set_defaults(run=lab)
    second = commands.add_parser("restore", help="a lesson afresh; yours is kept")
    second.add_argument("lesson", help="its number, as in 03")
    second.add_argument("folder", nargs="?", default=FOLDER, help=f"where it is ({FOLDER})")
    second.set_defaults(run=restore)
    return top


def main() -> None:
    chosen, options = parser().parse_known_args()
    try:
        chosen.run(chosen, options)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(f"sockutils: {place}{error.strerror or error}")
    except ValueError as error:
        sys.exit(f"sockutils: {error}")


if __name__ == "__main__":
    main()
