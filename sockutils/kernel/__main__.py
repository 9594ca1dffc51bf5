"""The command line: `python -m sockutils.kernel -f FILE`, `... install`, `... run COMMAND...`."""

import argparse
import os
import sys


def kernel(arguments: list[str]) -> None:
    """Be a kernel. The arguments are those of IPython's, above all -f CONNECTION_FILE."""
    from sockutils.kernel.app import SocketsKernelApp

    app = SocketsKernelApp.instance()
    app.initialize(arguments)
    app.start()


def install(arguments: list[str]) -> None:
    """Write a kernelspec with this interpreter's path, and say where."""
    from sockutils.kernel.install import install

    parser = argparse.ArgumentParser(prog="python -m sockutils.kernel install")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for you, in every environment")
    where.add_argument("--prefix", metavar="DIR", help="below DIR/share/jupyter")
    chosen = parser.parse_args(arguments)
    print(install(chosen.user, chosen.prefix))


def run(command: list[str]) -> None:
    """Become the command, in a private network; the pid stays."""
    from sockutils.kernel.degrees import allow_enough_descriptors, enter_private_network

    allow_enough_descriptors()
    if refused := enter_private_network():
        print(refused, file=sys.stderr, flush=True)
    os.execvp(command[0], command)


def main(arguments: list[str]) -> None:
    word, *rest = arguments or [""]
    try:
        if word == "install":
            install(rest)
        elif word == "run" and rest:
            run(rest)
        else:
            kernel(arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"sockutils.kernel: {getattr(error, 'strerror', None) or error}")


if __name__ == "__main__":
    main(sys.argv[1:])
