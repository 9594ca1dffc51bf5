"""Print what the course costs beside doing without it, each pair measured side by side in this run.

`python -m benchmarks` prints everything, `python -m benchmarks kernel imports` a part of it.
"""

import importlib
import operator
import re
import sys

MODULES = ["imports", "trace", "lanes", "packets", "tables", "kernel", "wait", "servers", "nbval"]
MODULES += ["workbench"]
COMPARE = {"≤": operator.le, "<": operator.lt, "≥": operator.ge, ">": operator.gt}


def verdict(value: float, target: str) -> str:
    """Judge a value by a target such as "≤ 1.15 times": "ok", "above", "below", or "" for none."""
    match = re.match(r"([≤<≥>])\s*([\d.]+)", target)
    if not match:
        return ""
    if COMPARE[match[1]](value, float(match[2])):
        return "ok"
    return "above" if match[1] in "≤<" else "below"


def main() -> None:
    print(f"{'measured':<64} {'value':>8}  {'target':<14}")
    for name in sys.argv[1:] or MODULES:
        for what, value, target in importlib.import_module(f"benchmarks.{name}").rows():
            print(f"{what:<64} {value:>8.2f}  {target:<14} {verdict(value, target)}", flush=True)


if __name__ == "__main__":
    main()
