"""AppArmor on a machine whose kernel has it: Debian's parser, and profiles for a learner."""

import shutil
import subprocess
from pathlib import Path

from archive import FOLDER, configuration

ALL = "file, network, unix, signal, ptrace,"
# apparmor.d(5). What a profile does not name, it refuses; `userns` counts from Linux 6.7 on.
PROFILES = f"""
abi "/out/apparmor/etc/apparmor.d/abi/4.0",
profile course-no-mount {{ {ALL} capability, userns, }}
profile course-no-users {{ {ALL} capability, mount, umount, remount, }}
profile course-no-powers {{ {ALL} mount, umount, remount, userns, }}
"""


def parser() -> Path:
    """The folder with Debian's apparmor, and the C library that it is made for."""
    folder = FOLDER / "apparmor"
    if not folder.exists():
        fresh = FOLDER / "apparmor.part"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for package in "apparmor", "libc6":
            versions = ["apt-cache", "madison", package]
            told = subprocess.run(
                versions, env=configuration(), stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            version = next(
                line.split("|")[1].strip() for line in told.splitlines() if "trixie/" in line
            )
            download = ["apt-get", "-qq", "download", f"{package}={version}"]
            subprocess.run(download, cwd=fresh, env=configuration(), check=True)
        for deb in fresh.glob("*.deb"):
            subprocess.run(["dpkg", "-x", deb, fresh], check=True)
            deb.unlink()
        shutil.rmtree(fresh / "usr/share")
        fresh.rename(folder)
    return folder


def load(folder: str, profiles: str) -> str:
    """Shell text that gives the kernel these profiles, with the parser in that folder."""
    libraries = f"{folder}/usr/lib/x86_64-linux-gnu"
    start = f"{libraries}/ld-linux-x86-64.so.2 --library-path {libraries}"
    return f"{start} {folder}/usr/sbin/apparmor_parser --skip-cache --replace {profiles}"
