"""The bench: Pressroom and its peers on the same packages, one step after the other, judged and reported.

This file decides the course of a run: which steps there are, in which order, and where the figures go. Everything that a run makes lies
below target/bench: the pools, which stay, and `run`, which is gone when it ends, or when the next one begins.
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import judge
import machine
import measure
import plot
import pool
import report
import tools
from judge import Change, Expected, Judge
from pool import Package, Pool
from tools import COMPONENT, OTHER_COMPONENT, Command, Pressroom, Tool

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").resolve()
OUTPUT = TARGET / "bench"

# For so long ext4 passes over inodes that were freed: RECENTCY_MIN and RECENTCY_DIRTY in fs/ext4/ialloc.c.
SETTLE_SECONDS = 360

QUICK_PACKAGES = 5000
CONDEMNED = 1000
LEAST_PACKAGES = 200

# What a package takes on disk in all places at once, and in inodes: the pool, the links of each tool, what it takes in, its indexes.
BYTES_OF_PACKAGE = 32_000
INODES_OF_PACKAGE = 8
BYTES_OF_PACKAGE_AT_TEN_TIMES = 16_000
INODES_OF_PACKAGE_AT_TEN_TIMES = 4


class BenchError(Exception):
    """The bench cannot be run as it was asked to."""


# ---------------------------------------------------------------- the command line


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/bench",
        description="Measures Pressroom beside apt-ftparchive, aptly and reprepro: time, processor and memory of each step, and the"
        " size of what is published. Every result is judged, and a wrong one ends the run with exit code 1; a target that is missed"
        " is said and is not an error.",
        epilog="Steps: import + first publication; 20 updates, of few sources and spread over the archive; for Pressroom also nothing to"
        " do, one update, an override change, a move to another component, a removal, death row over 1,000 packages. Each is a fresh process"
        " of the optimised build."
        " Packages are made of the lists of this machine's apt (about a minute, once), and kept in target/bench. Tools that are not"
        " installed are left out; `script/setup bench` installs them. Nothing needs the network."
        " Results: target/bench/results.json, .md and .svg, and, unless --no-write or --packages says otherwise, tests/bench/RESULTS.md,"
        " tests/bench/results.svg and the block in README.md. The machine should have nothing else to do.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_PACKAGES} packages, one round, without reprepro, and writes target/bench/quick.* only; about two minutes",
    )
    parser.add_argument(
        "--packages",
        type=number,
        metavar="N",
        help="only the first N packages of the release; writes nothing into the repository",
    )
    parser.add_argument(
        "--packages-file",
        type=Path,
        metavar="FILE",
        help="make packages of this uncompressed Packages file, not of apt-cache dumpavail",
    )
    parser.add_argument("--rounds", type=number, metavar="N", help="how often the small steps are measured (3)")
    parser.add_argument(
        "--first-rounds", type=number, metavar="N", help="how often the first publication is measured, each in a new root (2)"
    )
    parser.add_argument(
        "--ten-times",
        action="store_true",
        help="also Pressroom with every package for each of ten architectures: about 10 GB of disk, and as long as all the rest",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=[tool.name for tool in tools.PEERS],
        help="leave this tool out; again for more",
    )
    parser.add_argument(
        "--pressroom",
        type=Path,
        default=TARGET / "release/pressroom",
        metavar="FILE",
        help="the program to measure (target/release/pressroom)",
    )
    parser.add_argument("--no-write", action="store_true", help="write below target/bench only")
    parser.add_argument("--keep", action="store_true", help="let target/bench/run stay, to look at it")
    parser.add_argument("--report", type=Path, metavar="FILE", help="measure nothing: make the report again of this results.json")
    chosen = parser.parse_args(given)
    if chosen.packages and chosen.packages < LEAST_PACKAGES:
        parser.error(f"--packages: {LEAST_PACKAGES} is the least of which every round has packages of its own to change")
    chosen.whole = not (chosen.quick or chosen.packages or chosen.packages_file)
    if chosen.quick:
        chosen.packages = chosen.packages or QUICK_PACKAGES
        chosen.without.append("reprepro")
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 3)
    chosen.first_rounds = chosen.first_rounds or (1 if chosen.quick else 2)
    chosen.pressroom = chosen.pressroom.resolve()
    return chosen


def number(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def main() -> int:
    chosen = arguments(sys.argv[1:])
    # a run that is ended cleans up, whoever ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if chosen.report:
            publish(json.loads(chosen.report.read_text()), chosen)
        else:
            with_run(chosen)
    except (
        BenchError, OSError, pool.PoolError, tools.ToolError, measure.StepError, judge.WrongError, report.ReportError,
        json.JSONDecodeError, subprocess.CalledProcessError,
    ) as error:  # fmt: skip
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; nothing was written but pools", file=sys.stderr)
        return 130
    return 0


def with_run(chosen: argparse.Namespace) -> None:
    """Makes the place of a run, of which there is one at a time, and takes it away."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with open(OUTPUT / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchError(f"another bench runs in {OUTPUT}: two at once would measure each other") from None
        place = OUTPUT / "run"
        remove_run(place)
        ago = time.time() - removed.stat().st_mtime if (removed := OUTPUT / "removed").exists() else SETTLE_SECONDS
        if ago < SETTLE_SECONDS:
            say(f"note: many files were removed here {ago:.0f} s ago, and ext4 makes new ones slowly until {SETTLE_SECONDS} s have passed")
        try:
            publish(Course(chosen, place).run(), chosen)
        finally:
            if not chosen.keep:
                remove_run(place)


def remove_run(place: Path) -> None:
    if place.exists():
        shutil.rmtree(place, ignore_errors=True)
        (OUTPUT / "removed").touch()


def publish(results: dict, chosen: argparse.Namespace) -> None:
    """Writes the results and prints them."""
    name = "results" if results["parameters"]["whole"] else "quick" if chosen.quick else "some"
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (OUTPUT / f"{name}.md").write_text(report.page(results, f"{name}.svg"))
    (OUTPUT / f"{name}.svg").write_text(plot.picture(results))
    print(f"\n{report.terminal(results)}\nWritten: {os.path.relpath(OUTPUT / name)}.json, .md, .svg")
    if chosen.no_write or not results["parameters"]["whole"]:
        return
    here = Path(__file__).parent
    report.fill(REPOSITORY / "README.md", report.summary(results, "tests/bench/results.svg", "tests/bench/RESULTS.md"))
    (here / "RESULTS.md").write_text(report.page(results, "results.svg"))
    (here / "results.svg").write_text(plot.picture(results))
    print("Written: README.md, tests/bench/RESULTS.md, tests/bench/results.svg")


# ---------------------------------------------------------------- the course of a run


class Course:
    """One run from its first step to its last."""

    def __init__(self, chosen: argparse.Namespace, place: Path) -> None:
        self.chosen = chosen
        self.place = place
        self.began = time.monotonic()
        self.busy_share = machine.busy_share()
        self.figures: list[dict] = []
        self.sizes: list[dict] = []
        self.left_out: list[dict] = []
        self.serial = 0
        Pressroom.program = chosen.pressroom

    def run(self) -> dict:
        peers = self.peers()
        packages = pool.of_release(self.chosen.packages_file, self.chosen.packages)
        self.room(len(packages))
        say(f"{len(packages)} packages, {self.chosen.rounds} rounds; {self.busy_share:.0%} of the processors taken by others")
        whole = pool.kept_pool(OUTPUT, packages, (), say)
        self.whole(whole, [Pressroom, *peers])
        if self.chosen.ten_times:
            self.ten_times(pool.kept_pool(OUTPUT, packages, pool.TEN_ARCHITECTURES, say))
        else:
            self.leave_out("ten times the archive", "was not asked for: --ten-times")
        return {
            "made": time.strftime("%Y-%m-%d"),
            "took_seconds": round(time.monotonic() - self.began),
            "busy_share": max(self.busy_share, machine.busy_share()),
            "machine": machine.facts(OUTPUT),
            "versions": machine.versions(self.chosen.pressroom, REPOSITORY),
            "memory_how": measure.MEMORY_HOW,
            "parameters": {
                "whole": self.chosen.whole,
                "packages": len(packages),
                "rounds": self.chosen.rounds,
                "first_rounds": self.chosen.first_rounds,
            },
            "figures": self.figures,
            "sizes": self.sizes,
            "left_out": self.left_out,
        }

    def peers(self) -> list[type[Tool]]:
        """The tools that are there; what is missing and not a peer is an error."""
        if Pressroom.missing():
            raise BenchError(f"there is no {self.chosen.pressroom}: cargo build --release --package pressroom")
        for program, package in (("xz", "xz-utils"), ("gzip", "gzip"), ("gpgv", "gpgv")):
            if not shutil.which(program):
                raise BenchError(
                    f"there is no {program} to judge what is published: install {package}, or run script/setup bench"
                )
        there = []
        for tool in tools.PEERS:
            if tool.name in self.chosen.without:
                self.leave_out(tool.name, "was not asked for")
            elif tool.missing():
                self.leave_out(tool.name, "is not installed: script/setup bench")
            else:
                there.append(tool)
        return there

    def room(self, count: int) -> None:
        wanted = count * BYTES_OF_PACKAGE * self.chosen.first_rounds
        inodes = count * INODES_OF_PACKAGE * self.chosen.first_rounds
        if self.chosen.ten_times:
            wanted += 10 * count * BYTES_OF_PACKAGE_AT_TEN_TIMES
            inodes += 10 * count * INODES_OF_PACKAGE_AT_TEN_TIMES
        disk = os.statvfs(OUTPUT)
        if disk.f_bavail * disk.f_frsize < wanted:
            raise BenchError(
                f"{OUTPUT} has {disk.f_bavail * disk.f_frsize / 1e9:.1f} GB left, and {wanted / 1e9:.1f} GB are needed"
            )
        if disk.f_files and disk.f_favail < inodes:
            raise BenchError(f"{OUTPUT} has {disk.f_favail} inodes left, and {inodes} are needed")

    def leave_out(self, what: str, why: str) -> None:
        self.left_out.append({"what": what, "why": why})
        say(f"left out: {what}: {why}")

    # ------------------------------------------------------------ steps

    def step(self, tool: Tool, step: str, round: int, commands: list[Command], archive: str = report.WHOLE) -> None:
        """Measures a step and says so."""
        found = []
        for command in commands:
            log = self.place / "logs" / f"{len(self.figures):03}-{archive}-{tool.name}-{step}-{command.part}"
            found.append(measure.run(command.arguments, log, self.place, tools.environment(tool.scratch)))
            self.figures.append(
                {
                    "archive": archive, "tool": tool.name, "step": step, "part": command.part, "round": round,
                    "seconds": found[-1].seconds, "cpu_seconds": found[-1].cpu_seconds, "peak_bytes": found[-1].peak_bytes,
                }
            )  # fmt: skip
        parts = ", ".join(f"{command.part} {report.time(one.seconds)}" for command, one in zip(commands, found, strict=True))
        seconds, cpu = sum(one.seconds for one in found), sum(one.cpu_seconds for one in found)
        what = report.STEPS[step] + (" (ten times)" if archive == report.TEN_TIMES else "")
        peak = report.mib(max(one.peak_bytes for one in found))
        say(f"{tool.name:<15} {what:<50} {report.time(seconds):>10}  cpu {report.time(cpu):>10}  {peak:>8}  ({parts})")

    def bumped(self, packages: list[Package]) -> list[Package]:
        """Packages with a version that is newer than any before."""
        self.serial += 1
        return [package.bumped(self.serial) for package in packages]

    def upload(self, packages: list[Package], tool: Tool) -> Path:
        """Packages in a folder of the tool's own."""
        return pool.write_packages(tool.root / f"upload-{self.serial}", packages)

    def opened(self, kind: type[Tool], whole: Pool, name: str) -> Tool:
        """A tool with a root of its own. It stays until the end: ext4 gives nobody an inode that was freed a moment ago, and whoever makes many
        files after many were removed searches long for others (`recently_deleted` in fs/ext4/ialloc.c)."""
        root = self.place / name
        root.mkdir(parents=True)
        return kind(root, whole)

    # ------------------------------------------------------------ the whole release

    def whole(self, whole: Pool, kinds: list[type[Tool]]) -> None:
        running: list[Tool] = []
        for round in range(self.chosen.first_rounds):
            running = []
            # who comes first changes, so that nobody always has the better place
            for kind in turn(kinds, round):
                tool = self.opened(kind, whole, f"{kind.name}-{round}")
                self.step(tool, "first", round, tool.first())
                if isinstance(tool, Pressroom):
                    judged = Judge(tool.served, tool.keyring, Expected.of_pool(whole))
                    judged.first()
                else:
                    judge.peer(tool, whole.packages)
                running.append(tool)
        pressroom = next(tool for tool in running if isinstance(tool, Pressroom))
        self.measure_sizes(pressroom, "first publication")
        for round in range(self.chosen.rounds):
            for step, choose in (("update-together", pool.together), ("update-spread", pool.spread)):
                packages = self.bumped(choose(whole.packages))
                for tool in turn(running, round):
                    self.step(tool, step, round, tool.update(self.upload(packages, tool)))
                    if isinstance(tool, Pressroom):
                        judged.changed(map(Change, packages))
                    else:
                        judge.peer(tool, packages)
            self.only_pressroom(pressroom, judged, whole, round)
        self.measure_sizes(pressroom, "after all updates")
        self.death_row(pressroom, judged)

    def death_row(self, tool: Pressroom, judged: Judge, archive: str = report.WHOLE) -> None:
        """Packages go, and then their files; how many there are of others must not matter. Their removal itself is not measured."""
        # what was published anew stays a day longer
        untouched = [package for package in tool.pool.packages if package.name not in judged.expected.touched]
        architectures = tool.pool.architectures
        count = min(CONDEMNED // max(1, len(architectures)), len(untouched) // 2)
        chosen = untouched[:: len(untouched) // count][:count]
        condemned = [variant for package in chosen for variant in pool.variants(package, architectures)]
        for command in tool.remove(*chosen):
            tools.prepare_by(command.arguments)
        judged.changed([Change(package, gone=True) for package in condemned])
        judged.files_are_there(condemned, True)
        self.step(tool, "death-row", 0, [tool.death_row()], archive)
        judged.changed([])
        judged.files_are_there(condemned, False)

    def only_pressroom(self, tool: Pressroom, judged: Judge, whole: Pool, round: int) -> None:
        """Steps that the others have no counterpart of, or are not compared in."""
        updated = {package.name for package in pool.together(whole.packages) + pool.spread(whole.packages)}
        others = [package for package in whole.packages if package.name not in updated]
        one, overridden, moved, removed = (others[(len(others) // 2 + 4 * round + place) % len(others)] for place in range(4))

        self.step(tool, "nothing", round, [tool.publish()])
        judged.changed([])

        packages = self.bumped([one])
        self.step(tool, "update-one", round, tool.update(self.upload(packages, tool)))
        judged.changed(map(Change, packages))

        section = "devel" if overridden.field("Section") != "devel" else "misc"
        self.step(tool, "override", round, tool.override(overridden, "--section", section))
        judged.changed([Change(overridden, COMPONENT, section)])

        self.step(tool, "move", round, tool.override(moved, "--component", OTHER_COMPONENT))
        judged.changed([Change(moved, OTHER_COMPONENT)])

        self.step(tool, "remove", round, tool.remove(removed))
        judged.changed([Change(removed, gone=True)])

    def measure_sizes(self, tool: Pressroom, when: str) -> None:
        index = f"{COMPONENT}/binary-{tools.native_architecture(tool.pool)[0]}/Packages"
        for form, size in judge.sizes(tool.served / "dists" / tools.SUITE, index).items():
            self.sizes.append({"form": form, "when": when, **size})
            found = size["bytes"] / size["reference_bytes"]
            say(
                f"{tool.name:<15} Packages.{form}, {when}: {report.megabytes(size['bytes'])}, {found:.3f} of what level 6 makes of it"
            )

    # ------------------------------------------------------------ ten times of it

    def ten_times(self, large: Pool) -> None:
        tool = self.opened(Pressroom, large, "ten-times")
        self.step(tool, "first", 0, tool.first(), report.TEN_TIMES)
        judged = Judge(tool.served, tool.keyring, Expected.of_pool(large))
        judged.first()
        of_one = [package.built_for(large.architectures[0]) for package in large.packages]
        spread = pool.spread(large.packages)
        of_all = [
            package.built_for(large.architectures[place % len(large.architectures)]) for place, package in enumerate(spread)
        ]
        for round in range(self.chosen.rounds):
            steps = {
                "update-together": pool.together(of_one),
                "update-spread": pool.spread(of_one),
                "update-architectures": of_all,
            }
            for step, chosen in steps.items():
                packages = self.bumped(chosen)
                self.step(tool, step, round, tool.update(self.upload(packages, tool)), report.TEN_TIMES)
                judged.changed(map(Change, packages))
            self.step(tool, "nothing", round, [tool.publish()], report.TEN_TIMES)
            judged.changed([])
        self.death_row(tool, judged, report.TEN_TIMES)


def turn(all_of_them: list, round: int) -> list:
    return all_of_them if round % 2 == 0 else all_of_them[::-1]


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
