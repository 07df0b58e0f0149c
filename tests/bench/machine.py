"""On what the figures were taken: the machine, and the versions of all that ran on it. Names and paths of the machine are not in it."""

import os
import platform
import subprocess
import time
from pathlib import Path

PACKAGES = ("aptly", "apt-utils", "reprepro", "xz-utils", "gzip")


def facts(folder: Path) -> dict[str, str | int]:
    """The machine, and the filesystem that the folder is on."""
    return {
        "processor": first(Path("/proc/cpuinfo"), "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int((first(Path("/proc/meminfo"), "MemTotal") or "0 kB").split()[0]) * 1024,
        "kernel": platform.release(),
        "filesystem": filesystem(folder),
        "system": first(Path("/etc/os-release"), "PRETTY_NAME", "=").strip('"') or platform.system(),
    }


def first(file: Path, name: str, between: str = ":") -> str:
    """The value of the first line of that name in a file; nothing where there is none."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    values = (line.partition(between) for line in lines)
    return next((value.strip() for key, _, value in values if key.strip() == name), "")


def filesystem(folder: Path) -> str:
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[2] == wanted:
            return line.partition(" - ")[2].split()[0]
    return "unknown"


def busy_share(seconds: float = 2) -> float:
    """The share of all processors that others take while this process waits. A load average would still tell of the compiler before."""
    begun = processor_times()
    time.sleep(seconds)
    passed = [after - before for before, after in zip(begun, processor_times(), strict=True)]
    # user, nice, system, idle, waiting for disks, …
    return 1 - (passed[3] + passed[4]) / max(1, sum(passed))


def processor_times() -> list[int]:
    # guests are in the first two already
    return [int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]


def versions(pressroom: Path, repository: Path) -> dict[str, str]:
    """The version of each tool that is there. Of a Pressroom that was built here with the commit that is checked out."""
    found = {"pressroom": said([str(pressroom), "--version"]).removeprefix("pressroom ")}
    if pressroom.is_relative_to(repository):
        found["commit"] = said(["git", "-C", str(repository), "describe", "--always", "--dirty"])
    for package in PACKAGES:
        found[package] = said(["dpkg-query", "--show", "--showformat=${Version}", package])
    found["python"] = platform.python_version()
    return {name: version for name, version in found.items() if version}


def said(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
