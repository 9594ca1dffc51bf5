"""What of a program's error is worth telling its author: the last line, and where it was."""

import re
from pathlib import Path


def syntax_error(path: Path) -> str:
    """Why Python cannot read the file, or nothing. OSError as open(2) says."""
    try:
        compile(path.read_bytes(), path.name, "exec")
    except SyntaxError as error:
        return f"line {error.lineno} is no Python: {error.msg}"
    except ValueError as error:  # a NUL in it
        return f"it is no Python: {error}"
    return ""


def last_words(path: Path, complaint: str) -> str:
    """The last line of a program's complaint, and the latest line of its file that is named."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    if not lines:
        return ""
    named = re.findall(rf'File "[^"]*{re.escape(path.name)}", line (\d+)', complaint)
    if not named:
        return lines[-1].strip()
    number = int(named[-1])
    source = path.read_text(errors="replace").splitlines()[number - 1 : number]
    return f"{lines[-1].strip()}, in your line {number}: {''.join(source).strip()}"
