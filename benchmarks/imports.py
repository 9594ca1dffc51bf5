"""What `import sockutils` adds to a bare interpreter."""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

PAIRS = 30


def milliseconds(code: str, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return 1000 * (time.perf_counter() - start)


def rows() -> list[tuple[str, float, str]]:
    """Run both in turn, compiled as on any second import; the difference of the medians in ms."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": directory}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        milliseconds("import sockutils", environment)  # the first one compiles
        pairs = [
            (milliseconds("import sockutils", environment), milliseconds("pass", environment))
            for _ in range(PAIRS)
        ]
    imported = median(first for first, _ in pairs)
    bare = median(second for _, second in pairs)
    name = f"import sockutils, ms over a bare interpreter ({bare:.0f} ms)"
    return [(name, imported - bare, "≤ 50 ms")]
