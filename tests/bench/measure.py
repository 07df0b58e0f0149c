"""How long a command takes, how much of the processors, and how much memory with everything that it starts.

A command runs below a small process of its own, this very file as a program: were it started by the bench itself, the kernel would count
the bench's memory as the command's (`ru_maxrss` goes over `exec`), and processes that the command leaves behind would be lost.

Memory is the larger of two figures: the sum over all processes of their proportional set size, sampled, and the peak of the largest single
process as the kernel has it, which no sampling misses. A control group is not asked, because it counts the page cache too, and that
takes whatever memory there is.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MEMORY_HOW = "sum of the PSS of all processes, sampled, or ru_maxrss of the largest, whichever is more"

# Sampling takes at most this share of one processor, and is not done more often than this.
SAMPLING_SHARE = 0.05
SAMPLING_SECONDS = 0.01


class StepError(Exception):
    """A command that is measured failed."""


@dataclass(frozen=True)
class Measured:
    """What a command took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: list[str], log: Path, cwd: Path | None = None, environment: dict[str, str] | None = None) -> Measured:
    """Runs a command to its end, its output into a log. What was written before is on disk first, and is not paid by it."""
    os.sync()
    log.parent.mkdir(parents=True, exist_ok=True)
    reader, writer = os.pipe()
    with open(log, "wb") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        # nothing of Python's site is wanted, which would only take memory
        measurer = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(writer), *command],
            cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            pass_fds=[writer], start_new_session=True,
        )  # fmt: skip
    os.close(writer)
    try:
        with open(reader, encoding="utf-8") as answer:
            said = answer.read()
        measurer.wait()
    except BaseException:
        stop(measurer)
        raise
    found = json.loads(said) if said else {"status": f"could not be measured ({measurer.returncode})"}
    if found["status"] != 0:
        lines = log.read_text(errors="replace").splitlines()[-15:]
        raise StepError(f"{' '.join(command)[:300]}: {found['status']}\n" + "\n".join(f"    | {line}" for line in lines))
    return Measured(found["seconds"], found["cpu_seconds"], found["peak_bytes"])


def stop(measurer: subprocess.Popen) -> None:
    """Ends a command with everything that it started: it all is one session."""
    try:
        os.killpg(measurer.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    measurer.wait()


# ---------------------------------------------------------------- the process that measures


def main() -> None:
    answer, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(answer, False)
    adopt_orphans()
    try:
        started = time.monotonic()
        process = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        os.write(answer, json.dumps({"status": f"cannot be run: {error.strerror}"}).encode())
        return
    sampler = Sampler()
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    found = {
        "status": 0 if code == 0 else f"ended by signal {-code}" if code < 0 else f"exit code {code}",
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": max(sampler.peak_bytes(), usage.ru_maxrss * 1024),
    }
    os.write(answer, json.dumps(found).encode())


def adopt_orphans() -> None:
    """Lets what a command leaves behind be a child of this process, so that it is counted."""
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


class Sampler:
    """A process that looks at all other descendants of this one until it is asked what it saw."""

    def __init__(self) -> None:
        root = os.getpid()
        self.reader, writer = os.pipe()
        ask, self.asked = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(self.reader)
            os.close(self.asked)
            os.write(writer, b"%d" % sample_until(ask, root))
            os._exit(0)
        os.close(writer)
        os.close(ask)

    def peak_bytes(self) -> int:
        os.close(self.asked)
        said = os.read(self.reader, 32)
        os.waitpid(self.process, 0)
        return int(said or 0)


def sample_until(ask: int, root: int) -> int:
    import select

    own, peak, wait = os.getpid(), 0, 0.001
    while not select.select([ask], [], [], wait)[0]:
        began = time.monotonic()
        peak = max(peak, sum(memory(process) for process in descendants(root) if process != own))
        wait = max(SAMPLING_SECONDS, (time.monotonic() - began) / SAMPLING_SHARE)
    return peak


def descendants(root: int) -> list[int]:
    """All processes below one, by what each says of its parent."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # the name of a program may have spaces and brackets in it
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(name))
    found, left = [], [root]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def memory(process: int) -> int:
    """The proportional set size of a process in bytes; 0 of one that has ended."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


if __name__ == "__main__":
    main()
