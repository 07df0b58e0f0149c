"""What the figures say: targets and verdicts, as tables for RESULTS.md and, in short, for the README.

It works on what is in results.json and on nothing else, so that a report can be made again without measuring. Rounds are summed up by
their median for times, by their maximum for memory; a ratio is one of medians.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path

# A step that is to cost as much as another one may cost so much of it: it is a process more, and no run is without noise.
AS_MUCH = 1.25

# A compressed index may be so much longer than by level 6 of its own program.
SIZE = 1.07

# Others may take such a share of the processors before something is said.
BUSY = 0.05

MIB = 1024 * 1024

PRESSROOM = "pressroom"
TOOLS = (PRESSROOM, "aptly", "apt-ftparchive", "reprepro")
WHOLE = "whole"
TEN_TIMES = "ten-times"

STEPS = {
    "first": "import + first publication",
    "update-together": "20 updates, of few sources",
    "update-spread": "20 updates, spread over the archive",
    "update-architectures": "20 updates, two for each architecture",
    "update-one": "one update",
    "override": "an override change",
    "move": "a move to another component",
    "remove": "a removal",
    "nothing": "nothing to do",
    "death-row": "death row over 1,000 packages",
}
UPDATES = [step for step in STEPS if step not in ("first", "nothing", "death-row")]

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


class ReportError(Exception):
    """The report has no place to go."""


@dataclass(frozen=True)
class Cost:
    """What a step took over its rounds, all of its processes one after the other."""

    rounds: int
    seconds: float
    least_seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Row:
    """A target and what was measured of it. `strain` is what was measured as a share of what is allowed; `group` is the target's name."""

    group: str
    what: str
    target: str
    measured: str
    ours: str
    against: str
    strain: float

    @property
    def verdict(self) -> str:
        return "holds" if self.strain <= 1 else "**misses**"


Costs = dict[tuple[str, str, str], Cost]


def costs(results: dict) -> Costs:
    """The cost of each step, by archive, tool and step, in the order in which they are shown."""
    rounds: dict[tuple[str, str, str], dict[int, list[dict]]] = {}
    for figure in results["figures"]:
        key = (figure["archive"], figure["tool"], figure["step"])
        rounds.setdefault(key, {}).setdefault(figure["round"], []).append(figure)
    steps = list(STEPS)
    shown = sorted(rounds, key=lambda key: (key[0] == TEN_TIMES, steps.index(key[2]), TOOLS.index(key[1])))
    return {key: cost(list(rounds[key].values())) for key in shown}


def cost(rounds: list[list[dict]]) -> Cost:
    seconds = [sum(part["seconds"] for part in parts) for parts in rounds]
    cpu = [sum(part["cpu_seconds"] for part in parts) for parts in rounds]
    peak = max(part["peak_bytes"] for parts in rounds for part in parts)
    return Cost(len(rounds), statistics.median(seconds), min(seconds), statistics.median(cpu), peak)


# ---------------------------------------------------------------- targets


def rows(results: dict) -> list[Row]:
    """All targets of which there are figures."""
    of = costs(results)
    found = [compared("first", 0.4, of, "aptly")]
    for tool, limit in (("aptly", 1 / 15), ("apt-ftparchive", 1 / 40), ("reprepro", 1 / 40)):
        found += [compared(step, limit, of, tool) for step in ("update-together", "update-spread")]
    found.append(compared("nothing", 1 / 200, of, "aptly", "update-together"))
    for step, same in (("update-together",) * 2, ("update-spread",) * 2, ("update-architectures", "update-spread")):
        found.append(compared(step, 2, of, PRESSROOM, same, archive=TEN_TIMES))
    found.append(compared("death-row", AS_MUCH, of, PRESSROOM, "death-row", archive=TEN_TIMES))
    for step in ("override", "move", "remove"):
        found.append(compared(step, AS_MUCH, of, PRESSROOM, "update-one"))
    found.append(memory("peak memory, import + first publication", 256, of, ["first"]))
    found.append(memory("peak memory, any change after that", 96, of, UPDATES))
    return [row for row in found if row] + [size_row(size) for size in results["sizes"]]


def compared(step: str, limit: float, of: Costs, tool: str, other_step: str | None = None, archive: str = WHOLE) -> Row | None:
    """A step of Pressroom beside the same one, or another one, of some tool at the whole archive."""
    ours, theirs = of.get((archive, PRESSROOM, step)), of.get((WHOLE, tool, other_step or step))
    if not ours or not theirs:
        return None
    found = ours.seconds / theirs.seconds
    what = STEPS[step] + (", at ten times the archive" if archive == TEN_TIMES else "")
    where = " with one architecture" if archive == TEN_TIMES else ""
    other = STEPS[other_step] if other_step and other_step != step else "the same" if tool == PRESSROOM else ""
    against = ", ".join(words for words in ("" if tool == PRESSROOM else tool, other + where) if words)
    shown = f"{against}: {time(theirs.seconds)}"
    group = f"{limit} {archive} {tool}"
    return Row(group, what, f"≤ {ratio(limit)}", ratio(found), time(ours.seconds), shown, found / limit)


def memory(what: str, limit_mib: int, of: Costs, steps: list[str]) -> Row | None:
    peaks = [of[WHOLE, PRESSROOM, step].peak_bytes for step in steps if (WHOLE, PRESSROOM, step) in of]
    if not peaks:
        return None
    return Row(what, what, f"≤ {limit_mib} MiB", mib(max(peaks)), mib(max(peaks)), "", max(peaks) / MIB / limit_mib)


def size_row(size: dict) -> Row:
    found = size["bytes"] / size["reference_bytes"]
    what = f"Packages.{size['form']}, {size['when']}"
    command = {"xz": "xz -6", "gz": "gzip -6"}[size["form"]]
    reference = f"`{command}`: {megabytes(size['reference_bytes'])}"
    return Row(command, what, f"≤ {SIZE}", f"{found:.3f}", megabytes(size["bytes"]), reference, found / SIZE)


# ---------------------------------------------------------------- words


def time(seconds: float) -> str:
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def ratio(found: float) -> str:
    if found >= 0.25:
        return f"{found:.2f}".rstrip("0").rstrip(".")
    # 1/14.9 is not 1/15
    return f"1/{1 / found:.1f}".removesuffix(".0")


def mib(count: int) -> str:
    return f"{count / MIB:.0f} MiB"


def megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


def table(head: list[str], lines: list[list[str]]) -> str:
    """A table of Markdown, in columns for those who read it as text."""
    widths = [max(3, *(len(line[column]) for line in [head, *lines])) for column in range(len(head))]
    shown = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        for line in [head, ["-" * width for width in widths], *lines]
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in shown)


def setting(results: dict) -> str:
    """On what, in a sentence."""
    machine, packages = results["machine"], results["parameters"]["packages"]
    return (
        f"{packages:,} packages with the control data of {machine['system']}, on {machine['cores']} cores"
        f" ({machine['processor']}), {machine['memory_bytes'] / 2**30:.0f} GiB of memory, {machine['filesystem']}, kernel {machine['kernel']}"
    )


def targets(results: dict) -> str:
    return table(
        ["", "target", "measured", "verdict", "Pressroom", "against"],
        [[row.what, row.target, row.measured, row.verdict, row.ours, row.against] for row in rows(results)],
    )


def figures(results: dict) -> str:
    lines = []
    for (archive, tool, step), cost in costs(results).items():
        what = STEPS[step] + (", at ten times the archive" if archive == TEN_TIMES else "")
        lines.append(
            [
                what,
                tool,
                str(cost.rounds),
                time(cost.seconds),
                time(cost.least_seconds),
                time(cost.cpu_seconds),
                mib(cost.peak_bytes),
            ]
        )
    return table(["step", "tool", "rounds", "median", "minimum", "processor", "peak memory"], lines)


def busy(results: dict) -> bool:
    return results["busy_share"] > BUSY


def left_out(results: dict) -> str:
    return "".join(f"- {entry['what']}: {entry['why']}\n" for entry in results["left_out"])


# ---------------------------------------------------------------- pages


def terminal(results: dict) -> str:
    """What a run prints at its end."""
    parts = [f"{setting(results)}\n", targets(results)]
    if not results["parameters"]["whole"]:
        parts.append("The targets are for the whole release: at fewer packages the verdicts only show the way.\n")
    if busy(results):
        parts.append(
            f"Others took {results['busy_share']:.0%} of the processors before or after: these times are not to be trusted.\n"
        )
    if results["left_out"]:
        parts.append("Left out:\n" + left_out(results))
    return "\n".join(parts)


def page(results: dict, picture: str) -> str:
    """RESULTS.md."""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    whole = "" if results["parameters"]["whole"] else "\nThese are not the whole release, for which the targets are.\n"
    missing = f"\n## Left out\n\n{left_out(results)}" if results["left_out"] else ""
    return f"""# Pressroom beside the others

{setting(results)}.
Taken on {results["made"]} in one run of {time(results["took_seconds"])} by `make bench`.
Others took {results["busy_share"]:.0%} of the processors before or after it.
{versions}.
{whole}
![Time and memory of each step, for each tool]({picture})

## Targets

{targets(results)}
Times are medians of the rounds, wall time; a ratio is one of medians. As much as another step means at most {AS_MUCH} of it.

## All figures

{figures(results)}{missing}
## How it was measured

Every package is a small .deb with real control data, and every tool has a copy of them (hard links) on one filesystem. Each command is a
fresh process; what was written before is on disk before it starts. A step that needs several commands (take in, publish) is their sum.
Pressroom signs and makes gz, xz and by-hash files; apt-ftparchive (`generate`, with its cache database) and reprepro make gz and xz,
aptly gz and bz2; these three do not sign. Peak memory: {results["memory_how"]}.
After every step the result was judged: signatures, the sums in Release, the packages and versions in every index, the files in the pool.
"""


def summary(results: dict, picture: str, more: str) -> str:
    """The README's block: of each target what comes nearest to its limit."""
    worst: dict[str, Row] = {}
    for row in rows(results):
        if row.group not in worst or row.strain > worst[row.group].strain:
            worst[row.group] = row
    lines = [[row.what, row.ours, row.against, row.target, row.measured, row.verdict] for row in worst.values()]
    return f"""{setting(results)}:

{table(["", "Pressroom", "against", "target", "measured", ""], lines)}
![Time and memory of each step, for each tool]({picture})

[{more}]({more}) has all figures and how they were taken.
"""


def fill(file: Path, block: str) -> None:
    """Puts a block between the marks in a file.

    Raises ReportError where the marks are not there, once and in order.
    """
    text = file.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ReportError(f"{file.name} has not one block between {BEGIN} and {END} to put the figures in")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    file.write_text(f"{before}{BEGIN}\n{block}{END}{after}")
