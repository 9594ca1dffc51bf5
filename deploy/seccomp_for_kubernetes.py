"""Print seccomp.json as Kubernetes wants it: `python deploy/seccomp_for_kubernetes.py [amd64]`.

Docker's form of a profile has conditions (which capability, which processor). A runtime below
Kubernetes reads the form of the OCI runtime specification, which has none, and takes such a rule as
if it always applied. So this keeps the rules that apply to a container without any capability.
"""

import json
import sys
from pathlib import Path
from typing import Any


def applies(rule: dict[str, Any], processor: str) -> bool:
    includes, excludes = rule.get("includes", {}), rule.get("excludes", {})
    return (
        "caps" not in includes
        and processor in includes.get("arches", [processor])
        and processor not in excludes.get("arches", [])
    )


def resolved(profile: dict[str, Any], processor: str) -> dict[str, Any]:
    """The OCI form for one processor, as Docker names it: amd64, arm64, ..."""
    name = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[processor]
    (own,) = [entry for entry in profile["archMap"] if entry["architecture"] == name]
    kept = ("names", "action", "errnoRet", "args")
    rules = [rule for rule in profile["syscalls"] if applies(rule, processor)]
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": [name, *own["subArchitectures"]],
        "syscalls": [{key: rule[key] for key in kept if key in rule} for rule in rules],
    }


if __name__ == "__main__":
    profile = json.loads(Path(__file__).with_name("seccomp.json").read_text())
    print(json.dumps(resolved(profile, *sys.argv[1:] or ["amd64"]), indent=1))
