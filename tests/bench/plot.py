"""The picture of the figures: one bar for each step and tool, times on a scale of powers of ten, Pressroom in colour and the others grey.

Colours are such that they are read on white and on black: GitHub shows a picture on either.
"""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

from report import MIB, PRESSROOM, STEPS, TEN_TIMES, WHOLE, Costs, costs, mib, time

TEXT, LINE = "#6e7781", "#8c959f"
OURS, OURS_AT_TEN_TIMES, OTHERS = "#2f81f7", "#79b0fa", "#8c959f"
FONT = "-apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"

WIDTH, LEFT, RIGHT = 840, 160, 740
BAR, GAP, GROUP = 14, 5, 30


@dataclass(frozen=True)
class Bar:
    """A value with its words."""

    label: str
    value: float
    shown: str
    fill: str


Groups = list[tuple[str, list[Bar]]]


@dataclass(frozen=True)
class Scale:
    """Where values lie between two of them, and which of them get a line."""

    low: float
    high: float
    lines: list[float]
    of_powers: bool

    def place(self, value: float) -> float:
        low, high, value = (math.log10(x) if self.of_powers else x for x in (self.low, self.high, value))
        return LEFT + (RIGHT - LEFT) * (value - low) / (high - low)


def powers(values: list[float]) -> Scale:
    """A scale on which ten times as much is always as far."""
    # no bar is to have no length
    low = math.floor(math.log10(min(values)) - 0.01)
    high = max(low + 1, math.ceil(math.log10(max(values))))
    return Scale(10.0**low, 10.0**high, [10.0**power for power in range(low, high + 1)], True)


def plain(values: list[float]) -> Scale:
    """A scale from nothing on, with some four to ten lines."""
    step = 10.0 ** math.floor(math.log10(max(values)))
    step = next(step * part for part in (0.1, 0.2, 0.5, 1) if max(values) <= 10 * step * part)
    count = math.ceil(max(values) / step)
    return Scale(0, step * count, [step * line for line in range(count + 1)], False)


def picture(results: dict) -> str:
    """The SVG."""
    of = costs(results)
    parts, top = [], 0
    for title, groups, scale in (
        ("Seconds, each line ten times the one before; less is better", times(of), powers),
        ("Peak memory in MiB; less is better", memories(of), plain),
    ):
        if groups:
            drawn, top = panel(title, groups, scale([bar.value for _, bars in groups for bar in bars]), top + 34)
            parts += drawn
    height = top + 16
    title = f"{results['parameters']['packages']:,} packages: time and peak memory of each step"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="{FONT}" font-size="13" fill="{TEXT}">\n<title>{escape(title)}</title>\n'
        + "".join(f"{part}\n" for part in parts)
        + "</svg>\n"
    )


def times(of: Costs) -> Groups:
    groups = []
    for step, title in STEPS.items():
        bars = [
            bar(tool, cost.seconds, time(cost.seconds))
            for (archive, tool, at), cost in of.items()
            if (archive, at) == (WHOLE, step)
        ]
        ten = of.get((TEN_TIMES, PRESSROOM, step))
        if ten:
            bars[1:1] = [Bar("at ten times", ten.seconds, time(ten.seconds), OURS_AT_TEN_TIMES)]
        if bars:
            groups.append((title, bars))
    return groups


def memories(of: Costs) -> Groups:
    groups = []
    for title, steps in (("import + first publication", ["first"]), ("20 updates", ["update-together", "update-spread"])):
        peaks: dict[str, int] = {}
        for (archive, tool, step), cost in of.items():
            if archive == WHOLE and step in steps:
                peaks[tool] = max(peaks.get(tool, 0), cost.peak_bytes)
        if peaks:
            groups.append((title, [bar(tool, peak / MIB, mib(peak)) for tool, peak in peaks.items()]))
    return groups


def bar(tool: str, value: float, shown: str) -> Bar:
    return Bar("Pressroom" if tool == PRESSROOM else tool, value, shown, OURS if tool == PRESSROOM else OTHERS)


def panel(title: str, groups: Groups, scale: Scale, top: int) -> tuple[list[str], int]:
    """One scale with its groups of bars below each other, and where it ends."""
    parts = [text(0, top, title, 'font-size="15" font-weight="600"')]
    first = top = top + 10
    drawn = []
    for name, bars in groups:
        top += GROUP
        drawn.append(text(LEFT, top - 8, name, 'font-weight="600"'))
        for bar in bars:
            end = scale.place(bar.value)
            drawn.append(text(LEFT - 8, top + BAR - 3, bar.label, 'text-anchor="end"'))
            drawn.append(f'<rect x="{LEFT}" y="{top}" width="{max(1, end - LEFT):.1f}" height="{BAR}" rx="2" fill="{bar.fill}"/>')
            drawn.append(text(round(end) + 6, top + BAR - 3, bar.shown, 'font-weight="600"' if bar.fill != OTHERS else ""))
            top += BAR + GAP
    top += 8
    for value in scale.lines:
        x = scale.place(value)
        parts.append(f'<line x1="{x:.1f}" y1="{first}" x2="{x:.1f}" y2="{top}" stroke="{LINE}" stroke-opacity="0.35"/>')
        parts.append(text(round(x), top + 15, f"{value:g}", 'text-anchor="middle" font-size="11"'))
    return parts + drawn, top + 20


def text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" {more}>{escape(words)}</text>'.replace(" >", ">")
