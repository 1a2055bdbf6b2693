"""Draws horizontal bars as SVG that is readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, LABELS, VALUES, PAD = 880, 300, 60, 24  # px: all of it, the column of labels, room for a value, the border
TOP, STEP, BAR = 92, 30, 18  # px: above the first bar, from bar to bar, a bar
TICKS = 6  # at most

_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f }
  .title { font-size: 16px; font-weight: 600 }
  .faint { fill: #57606a; font-size: 12px }
  .strong { font-weight: 600 }
  .page { fill: #ffffff; stroke: #d0d7de }
  .value { stroke: #ffffff; stroke-width: 4px; paint-order: stroke }
  .grid { stroke: #d8dee4 }
  .c0 { fill: #1a9c4b } .c1 { fill: #3b72c4 } .c2 { fill: #a8b1bb }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .faint { fill: #9198a1 }
    .page { fill: #0d1117; stroke: #30363d } .value { stroke: #0d1117 } .grid { stroke: #2b3138 }
    .c0 { fill: #2fbf66 } .c1 { fill: #5b93e6 } .c2 { fill: #6e7681 }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """`group`: an index into the legend; bars of the first group are set in bold."""

    label: str
    value: float
    group: int


def plot(title: str, axis: str, legend: Sequence[str], bars: Sequence[Bar]) -> str:
    """An SVG document: a title, a legend of at most three groups, the bars from top to bottom, an axis from 0.

    Needs at least one bar, and a value above 0.
    """
    left, right = PAD + LABELS, WIDTH - PAD - VALUES
    bottom = TOP + len(bars) * STEP
    marks = ticks(max(bar.value for bar in bars))
    scale = (right - left) / max(marks[-1], max(bar.value for bar in bars))
    parts = [f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{bottom + 59}" rx="6"/>']
    parts.append(_text(PAD, 34, title, "title"))
    x = PAD
    for group, name in enumerate(legend):
        parts.append(f'<rect class="c{group}" x="{x}" y="53" width="12" height="12" rx="2"/>')
        parts.append(_text(x + 18, 64, name, "faint"))
        x += 18 + 7 * len(name) + 24
    for mark in marks:
        x_mark = left + mark * scale
        parts.append(f'<line class="grid" x1="{x_mark:.1f}" y1="{TOP - 8}" x2="{x_mark:.1f}" y2="{bottom}"/>')
        parts.append(_text(x_mark, bottom + 18, f"{mark:g}", "faint", "middle"))
    parts.append(_text((left + right) / 2, bottom + 42, axis, "faint", "middle"))
    for number, bar in enumerate(bars):
        y = TOP + number * STEP
        style = "strong" if bar.group == 0 else ""
        parts.append(_text(left - 10, y + 14, bar.label, style, "end"))
        width = max(bar.value * scale, 1)
        parts.append(f'<rect class="c{bar.group}" x="{left}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>')
        parts.append(_text(left + width + 7, y + 14, f"{bar.value:.1f}", f"value {style}".strip()))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 60}" role="img"'
    head += f' width="{WIDTH}" height="{bottom + 60}">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n"


def ticks(most: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, from 0 to the first that is not below `most`, which is above 0."""
    power = 10.0 ** (floor(log10(most / TICKS)))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step * TICKS >= most)
    return [step * count for count in range(ceil(most / step) + 1)]


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "") -> str:
    attributes = (f' class="{style}"' if style else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:g}" y="{y:g}"{attributes}>{escape(text)}</text>'
