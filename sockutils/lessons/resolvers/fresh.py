"""A call in a new process, which reads all files anew."""

import subprocess
import sys


def fresh(expression: str) -> str:
    """What Python prints for the expression, or the last line of what it complains."""
    command = [sys.executable, "-c", f"import socket\nprint({expression})"]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    return child.stdout.strip() or child.stderr.splitlines()[-1]
