"""What a hook costs: a whole cold call beside `run-parts` with one script, and ten hooks in one pass.

A program of its own (`make bench-hooks`), because its course has nothing in common with that of the publishers. Everything is measured through
the shipped program: a root of Pressroom with few packages publishes again and again, with the hook `trace` before the publication. A call is
what `hook_run` records of it, from the start of its process to its end; what the hook takes of the pass, its files and its record
included, is its span in the trace of the run. Between two publications `run-parts` is measured, so that both have the same machine.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import machine
import tools
from pool import Package

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").resolve()
OUTPUT = TARGET / "bench/hooks.json"

# A call takes at most so many times what run-parts takes with one script.
MOST_TIMES_RUN_PARTS = 2.0
# Ten hooks take at most so much of a pass.
MOST_MILLISECONDS_OF_TEN = 40.0
MANY = 10
# run-parts is measured so often between two publications.
RUN_PARTS_IN_ROUND = 3
SCRIPT = "#!/bin/sh\nexit 0\n"


class HooksError(Exception):
    """It cannot be measured."""


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/bench/hooks.py",
        description="Measures a hook's whole cold call beside run-parts with one script, and ten hooks in one pass. Targets: a call takes"
        f" at most {MOST_TIMES_RUN_PARTS:g} times what run-parts takes, ten hooks at most {MOST_MILLISECONDS_OF_TEN:g} ms of a pass. A target that"
        " is missed is said and is not an error.",
        epilog="Needs the optimised build and the component of a hook: `make bench-hooks` builds both. Prints a table, and writes"
        " target/bench/hooks.json with every single figure. Medians are shown, and the least. The machine should have nothing else to do:"
        " a figure of a busy machine says nothing. Nothing needs the network, and everything is made in a folder that is taken away.",
    )
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="how many publications of each kind (30)")
    parser.add_argument(
        "--pressroom", type=Path, default=TARGET / "release/pressroom", metavar="FILE", help="the program (target/release/pressroom)"
    )
    parser.add_argument(
        "--hook",
        type=Path,
        default=TARGET / "wasm32-wasip2/plugin/trace.wasm",
        metavar="FILE",
        help="the component (target/wasm32-wasip2/plugin/trace.wasm)",
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        default=REPOSITORY / "plugins/trace/hook.toml",
        metavar="FILE",
        help="its manifest; it has to run before publication (plugins/trace/hook.toml)",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help="where the figures go (target/bench/hooks.json)")
    chosen = parser.parse_args(given)
    if chosen.rounds < 1:
        parser.error("--rounds: at least one")
    for name in ("pressroom", "hook", "manifest"):
        path = getattr(chosen, name).resolve()
        if not path.is_file():
            parser.error(f"--{name}: there is no {path} (`make bench-hooks` builds what is needed)")
        setattr(chosen, name, path)
    return chosen


@dataclass
class Figures:
    """All that was measured, in milliseconds."""

    run_parts: list[float] = field(default_factory=list)
    run_parts_many: list[float] = field(default_factory=list)
    # what the hooks' own processes took, and what they took of the pass
    call: list[float] = field(default_factory=list)
    one_of_pass: list[float] = field(default_factory=list)
    many_calls: list[float] = field(default_factory=list)
    many_of_pass: list[float] = field(default_factory=list)


def main() -> int:
    chosen = arguments(sys.argv[1:])
    try:
        run_parts = shutil.which("run-parts")
        if not run_parts:
            raise HooksError("there is no run-parts to measure beside: install debianutils")
        results = measure(chosen, run_parts)
    except (HooksError, OSError, sqlite3.Error, json.JSONDecodeError, subprocess.CalledProcessError) as error:
        print(f"bench-hooks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench-hooks: interrupted; nothing was written", file=sys.stderr)
        return 130
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{table(results)}\nWritten: {os.path.relpath(chosen.output)}")
    return 0


def measure(chosen: argparse.Namespace, run_parts: str) -> dict:
    busy_share = machine.busy_share()
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="bench-hooks-") as folder:
        place = Path(folder)
        one, many = scripts(place / "one.d", 1), scripts(place / "many.d", MANY)
        roots = [Root(chosen, place / "one", 1), Root(chosen, place / "many", MANY)]
        for round in range(chosen.rounds + 1):
            found = [root.publish(round) for root in roots]
            timed = [spawn(run_parts, one) for _ in range(RUN_PARTS_IN_ROUND)]
            timed_many = [spawn(run_parts, many) for _ in range(RUN_PARTS_IN_ROUND)]
            if round == 0:
                # the first of each reads its files from the disk
                continue
            figures.run_parts += timed
            figures.run_parts_many += timed_many
            (calls, spans), (many_calls, many_spans) = found
            figures.call += calls
            figures.one_of_pass += spans
            figures.many_calls.append(sum(many_calls))
            figures.many_of_pass.append(sum(many_spans))
    return evaluate(figures) | {
        "made": time.strftime("%Y-%m-%d"),
        "busy_share": max(busy_share, machine.busy_share()),
        "machine": machine.facts(chosen.output.parent if chosen.output.parent.is_dir() else REPOSITORY),
        "versions": machine.versions(chosen.pressroom, REPOSITORY),
        "hook": {"component": chosen.hook.name, "size_bytes": chosen.hook.stat().st_size},
        "rounds": chosen.rounds,
    }


def evaluate(figures: Figures) -> dict:
    """The figures with what is judged of them."""
    times = statistics.median(figures.call) / statistics.median(figures.run_parts)
    of_ten = statistics.median(figures.many_of_pass)
    return {
        "milliseconds": vars(figures),
        "targets": [
            target("call / run-parts", times, MOST_TIMES_RUN_PARTS),
            target("ten hooks, milliseconds", of_ten, MOST_MILLISECONDS_OF_TEN),
        ],
    }


def target(what: str, found: float, most: float) -> dict:
    return {"what": what, "found": found, "most": most, "met": found <= most}


ROWS = {
    "run_parts": "run-parts, one script",
    "call": "one hook, its whole cold call",
    "one_of_pass": "one hook, all that it takes of a pass",
    "run_parts_many": f"run-parts, {MANY} scripts",
    "many_calls": f"{MANY} hooks, their calls",
    "many_of_pass": f"{MANY} hooks, all that they take of a pass",
}


def table(results: dict) -> str:
    lines = [f"{'':<42}{'median':>12}{'least':>12}{'most':>12}"]
    for name, words in ROWS.items():
        found = results["milliseconds"][name]
        shown = "".join(f"{value:>9.2f} ms" for value in (statistics.median(found), min(found), max(found)))
        lines.append(f"{words:<42}{shown}")
    lines.append("")
    for one in results["targets"]:
        met = "met" if one["met"] else "MISSED"
        lines.append(f"{one['what']:<42}{one['found']:>9.2f}    at most {one['most']:g}: {met}")
    if results["busy_share"] > 0.1:
        lines.append(f"{results['busy_share']:.0%} of the processors were taken by others: these figures say little")
    return "\n".join(lines)


def scripts(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        script = folder / f"{number:02}-script"
        script.write_text(SCRIPT)
        script.chmod(0o755)
    return folder


def spawn(run_parts: str, folder: Path) -> float:
    """How long run-parts takes with a folder."""
    began = time.perf_counter()
    process = os.posix_spawn(run_parts, [run_parts, str(folder)], {"PATH": "/usr/bin:/bin"})
    _, status = os.waitpid(process, 0)
    took = time.perf_counter() - began
    if status:
        raise HooksError(f"run-parts failed with {folder}")
    return took * 1000


class Root:
    """A root that publishes a newer package at every turn, with so many copies of the hook."""

    def __init__(self, chosen: argparse.Namespace, folder: Path, hooks: int) -> None:
        self.program = chosen.pressroom
        self.folder = folder
        self.root = folder / "root"
        self.hooks = hooks
        self.trace = folder / "trace.json"
        folder.mkdir()
        run([self.program, "init", self.root, "--distribution", "bench", "--series", "bench", "--component", "main", "--architecture", "amd64"])
        # all copies write the same file, which is one of another hook's then: a pattern that names it lets them
        own = f"staging=project/trace/{os.uname().nodename}"
        run(self.command("hook", "add", chosen.hook, "--manifest", chosen.manifest, "--order", "10", "--grant", "requested", "--grant", own))
        self.copy_hooks()

    def command(self, *arguments: object) -> list[object]:
        return [self.program, "--root", self.root, *arguments]

    def copy_hooks(self) -> None:
        added = self.root / "hooks/bench/pre-publication.d"
        component = next(added.glob("10-*.wasm"), None)
        if component is None:
            raise HooksError("the hook does not run before publication: name another manifest")
        name = component.stem[len("10-") :]
        for number in range(1, self.hooks):
            for ending in (".wasm", ".toml"):
                shutil.copy(component.with_suffix(ending), added / f"{10 + number}-{name}{number}{ending}")

    def publish(self, round: int) -> tuple[list[float], list[float]]:
        """Publishes a newer package; gives what each hook's call took, and what it took of the pass."""
        version = f"1.{round}"
        control = (
            f"Package: one\nVersion: {version}\nArchitecture: all\nMaintainer: Bench <bench@example.org>\n"
            "Section: misc\nPriority: optional\nDescription: something to publish\n"
        )
        package = Package("one", version, "all", "one", control)
        file = self.folder / f"one_{version}_all.deb"
        file.write_bytes(package.deb())
        run(self.command("import", "--suite", "bench", file))
        run(self.command("publish", "--trace", self.trace))
        calls, spans = self.calls(), hook_spans(json.loads(self.trace.read_text()))
        if not len(calls) == len(spans) == self.hooks:
            raise HooksError(f"{len(calls)} calls and {len(spans)} spans of {self.hooks} hooks: something else ran")
        return calls, spans

    def calls(self) -> list[float]:
        """What the calls of the last run took, as they are recorded."""
        database = sqlite3.connect(f"file:{self.root / 'pressroom.db'}?mode=ro", uri=True)
        try:
            rows = database.execute(
                "SELECT duration_us, outcome, summary FROM hook_run"
                " WHERE script_activity = (SELECT max(script_activity) FROM hook_run) ORDER BY id"
            ).fetchall()
        finally:
            database.close()
        for _, outcome, summary in rows:
            if outcome != "DONE":
                raise HooksError(f"a hook did not do its work: {outcome}: {summary}")
        return [duration / 1000 for duration, _, _ in rows]


def hook_spans(events: list[dict]) -> list[float]:
    """How long each span of a hook is, in milliseconds, in the order of their beginnings."""
    open_spans: dict[int, list[tuple[str, float]]] = {}
    found = []
    for event in events:
        stack = open_spans.setdefault(event.get("tid", 0), [])
        if event.get("ph") == "B":
            stack.append((event["name"], event["ts"]))
        elif event.get("ph") == "E" and stack:
            name, began = stack.pop()
            if name == "hook":
                found.append((began, (event["ts"] - began) / 1000))
    return [took for _, took in sorted(found)]


def run(command: list[object]) -> None:
    words = [str(word) for word in command]
    said = subprocess.run(words, capture_output=True, check=False, env=tools.environment())
    if said.returncode:
        raise HooksError(f"{' '.join(words)} failed: {said.stderr.decode(errors='replace').strip()}")


if __name__ == "__main__":
    sys.exit(main())
