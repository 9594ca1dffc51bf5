"""What the course's content adds to the time nbval takes for as many notebooks of one line each."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
RUNS = 3

PYTEST = (
    *(sys.executable, "-m", "pytest", "--quiet", "--config-file=pyproject.toml"),
    *("--nbval", "--nbval-cell-timeout=30", "--numprocesses=auto", "--dist=loadscope"),
)


def seconds(notebooks: list[Path]) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [*PYTEST, *map(str, notebooks)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"nbval failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def one_line(path: Path) -> Path:
    result = {
        "output_type": "execute_result",
        "execution_count": 1,
        "data": {"text/plain": "2"},
        "metadata": {},
    }
    cell = {
        "id": "sum",
        "cell_type": "code",
        "execution_count": 1,
        "source": "1 + 1",
        "outputs": [result],
        "metadata": {},
    }
    kernel = {"name": "sockutils", "display_name": "Sockets (private network)"}
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [cell],
    }
    path.write_text(json.dumps(notebook))
    return path


def rows() -> list[tuple[str, float, str]]:
    """Run both in turn with the same flags and the same kernel; the ratio of the medians."""
    course = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    inside = ROOT / ".pytest_cache"  # below conftest.py, so that nbval runs both in the same way
    inside.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=inside) as directory:
        trivial = [one_line(Path(directory, notebook.name)) for notebook in course]
        pairs = [(seconds(course), seconds(trivial)) for _ in range(RUNS)]
    full, empty = median(first for first, _ in pairs), median(second for _, second in pairs)
    name = f"nbval of {len(course)} notebooks ({full:.0f} s) / of one-line ones ({empty:.0f} s)"
    return [(name, full / empty, "≤ 3 times")]
