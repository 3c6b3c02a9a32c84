"""A Grafana dashboard drawn as a picture (SVG), with the data that Prometheus gives for its panels.

Grafana takes no part in it: titles, places, units, stacking, thresholds and legends are read from the dashboard's JSON.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final, NamedTuple

COLUMN: Final = 62
ROW: Final = 27
GAP: Final = 6
HEADER: Final = 70
PALETTE: Final = (
    "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9",
    "#96d98d", "#ffee52", "#c0d8ff", "#ffb357", "#ff7383", "#a352cc", "#37872d",
)  # fmt: skip
COLOURS: Final = {"green": "#299c46", "orange": "#d9822b", "red": "#c4162a", None: "#3d71d9"}
STYLE: Final = (
    "text{font-family:Inter,Helvetica,Arial,sans-serif;fill:#ccccdc;font-size:11px}"
    ".panel{fill:#181b1f;stroke:#2c3235}.title{font-size:13px;font-weight:600}.row{font-size:15px}"
    ".big{font-size:30px;font-weight:600;fill:#fff;text-anchor:middle}.dim{fill:#8e8e9a;font-size:10px}"
    ".end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:#2c3235}"
    ".event{stroke:#5b6068;stroke-dasharray:2 3}.line{fill:none;stroke-width:1.3}"
)
_NICE: Final = (1, 2, 2.5, 5, 10)

Point = tuple[float, float]


class Series(NamedTuple):
    """One line of a panel."""

    name: str
    points: list[Point]
    """Unix times and values; there is none where there was no value."""


class Event(NamedTuple):
    """Something that was done to the gateway, marked in the panels."""

    at: float
    what: str


@dataclass(frozen=True)
class Span:
    """The time that is shown: Unix times, and seconds between points."""

    start: float
    end: float
    step: float


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    height: float


def draw(
    dashboard: dict[str, Any],
    ask: Callable[[dict[str, Any], dict[str, Any]], list[Series]],
    span: Span,
    *,
    events: Sequence[Event],
    caption: str,
) -> str:
    """The picture.

    Args:
        dashboard: its JSON.
        ask: from a panel and one of its targets to the lines that it shows.
        span: the time that is shown.
        events: marked in every panel.
        caption: says what the picture is, and where it comes from.
    """
    panels = dashboard["panels"]
    legend = 16 * math.ceil(len(events) / 4) + 8
    top = HEADER + legend
    width = 24 * COLUMN + GAP
    height = top + ROW * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#111217"/>',
        f'<text x="{GAP + 4}" y="28" style="font-size:20px">{escape(dashboard["title"])}</text>',
        f'<text x="{GAP + 4}" y="50" class="dim" style="font-size:12px">{escape(caption)}</text>',
    ]
    for number, event in enumerate(events):
        x, y = GAP + 4 + (number % 4) * (width / 4), HEADER + 10 + 16 * (number // 4)
        parts.append(f'<text x="{x:g}" y="{y}">{_clock(event.at - span.start)}  {escape(event.what)}</text>')
    for panel in panels:
        place = panel["gridPos"]
        box = _Box(place["x"] * COLUMN + GAP, top + place["y"] * ROW, place["w"] * COLUMN - GAP, place["h"] * ROW - GAP)
        if panel["type"] == "row":
            parts.append(f'<text x="{box.x + 4}" y="{box.y + 16}" class="row">▾ {escape(panel["title"])}</text>')
            continue
        shown = [series for target in panel["targets"] for series in ask(panel, target)]
        parts.append(f'<rect class="panel" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="2"/>')
        parts += _stat(panel, box, shown) if panel["type"] == "stat" else _graph(panel, box, shown, span, events)
        parts.append(f'<text x="{box.x + 8}" y="{box.y + 18}" class="title">{escape(panel["title"])}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _stat(panel: dict[str, Any], box: _Box, shown: list[Series]) -> list[str]:
    defaults = panel["fieldConfig"]["defaults"]
    value = shown[0].points[-1][1] if shown and shown[0].points else None
    colour = None
    for step in defaults.get("thresholds", {}).get("steps", ()):
        if value is not None and (step["value"] is None or value >= step["value"]):
            colour = step["color"]
    text = "no data" if value is None else formatted(value, defaults["unit"])
    x, y = box.x + box.width / 2, box.y + box.height / 2 + 20
    return [
        f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="2" fill="{COLOURS[colour]}"/>',
        f'<text class="big" x="{x:g}" y="{y:g}">{text}</text>',
    ]


def _graph(panel: dict[str, Any], box: _Box, shown: list[Series], span: Span, events: Sequence[Event]) -> list[str]:
    defaults = panel["fieldConfig"]["defaults"]
    unit, stacked = defaults["unit"], defaults["custom"]["stacking"]["mode"] == "normal"
    beside = 190 if box.width < 420 else 230 if box.width < 600 else 320
    plot = _Box(box.x + 52, box.y + 30, box.width - 52 - beside, box.height - 30 - 22)
    drawn = _stacked(shown, span) if stacked else shown
    values = [value for series in drawn for _, value in series.points]
    highest = defaults.get("max") or _ceiling(max(values, default=0.0), unit)
    parts = _axes(plot, highest, unit, span, events)

    def at(point: Point) -> str:
        x = plot.x + plot.width * (point[0] - span.start) / (span.end - span.start)
        y = plot.y + plot.height * (1 - min(point[1], highest) / highest)
        return f"{x:.1f},{y:.1f}"

    for place, series in reversed(list(enumerate(drawn))):
        colour = PALETTE[place % len(PALETTE)]
        for whole in _runs(series.points, span.step):
            run = _thinned(whole)
            path = " ".join(map(at, run))
            if stacked:
                known = {moment for moment, _ in whole}
                under = drawn[place - 1].points if place else [(moment, 0.0) for moment, _ in whole]
                back = " ".join(map(at, reversed(_thinned([point for point in under if point[0] in known]))))
                parts.append(f'<polygon points="{path} {back}" fill="{colour}" fill-opacity=".4"/>')
            parts.append(
                f'<polyline class="line" points="{path if len(run) > 1 else f"{path} {path}"}" stroke="{colour}"'
            )
            parts[-1] += "/>" if len(run) > 1 else ' stroke-linecap="round" style="stroke-width:4"/>'
    legend = panel["options"]["legend"]
    if legend.get("sortBy") == "Max":
        order = sorted(enumerate(shown), key=lambda item: max(value for _, value in item[1].points), reverse=True)
    else:
        order = list(enumerate(shown))
    return parts + _legend(order, unit, _Box(plot.x + plot.width + 12, box.y + 26, beside - 20, box.height - 30))


def _axes(plot: _Box, highest: float, unit: str, span: Span, events: Sequence[Event]) -> list[str]:
    parts = []
    for part in range(5):
        y = plot.y + plot.height * (1 - part / 4)
        parts.append(f'<path class="grid" d="M{plot.x:g} {y:.1f}h{plot.width:g}"/>')
        label = formatted(highest * part / 4, unit)
        parts.append(f'<text class="dim end" x="{plot.x - 5:g}" y="{y + 3:.1f}">{label}</text>')
    seconds = span.end - span.start
    apart = 60 * math.ceil(36 * seconds / 60 / plot.width)
    for moment in range(0, int(seconds) + 1, apart):
        x = plot.x + plot.width * moment / seconds
        parts.append(f'<text class="dim middle" x="{x:.1f}" y="{plot.y + plot.height + 14:g}">{_clock(moment)}</text>')
    for event in events:
        x = plot.x + plot.width * (event.at - span.start) / (span.end - span.start)
        parts.append(f'<path class="event" d="M{x:.1f} {plot.y:g}v{plot.height:g}"/>')
    return parts


def _legend(shown: list[tuple[int, Series]], unit: str, box: _Box) -> list[str]:
    room = int(box.height / 13) - 2
    right, middle = box.x + box.width, box.x + box.width - 46
    parts = [
        f'<text class="dim end" x="{middle:g}" y="{box.y + 4:g}">last</text>',
        f'<text class="dim end" x="{right:g}" y="{box.y + 4:g}">max</text>',
    ]
    for line, (place, series) in enumerate(shown[:room]):
        y = box.y + 19 + 13 * line
        colour, values = PALETTE[place % len(PALETTE)], [value for _, value in series.points]
        name = series.name.removeprefix("api_entreprise_")
        longest = int((box.width - 106) / 5.4)
        name = name if len(name) <= longest else name[: longest - 1] + "…"
        parts.append(f'<rect x="{box.x:g}" y="{y - 6:g}" width="8" height="3" fill="{colour}"/>')
        parts.append(f'<text x="{box.x + 12:g}" y="{y:g}">{escape(name)}</text>')
        last, most = formatted(values[-1], unit), formatted(max(values), unit)
        parts.append(f'<text class="end" x="{middle:g}" y="{y:g}">{last}</text>')
        parts.append(f'<text class="end" x="{right:g}" y="{y:g}">{most}</text>')
    if len(shown) > room:
        parts.append(f'<text class="dim" x="{box.x:g}" y="{box.y + 19 + 13 * room:g}">{len(shown) - room} more</text>')
    return parts


def _stacked(shown: list[Series], span: Span) -> list[Series]:
    """Each series added to those before it; a missing value counts as zero."""
    moments = sorted({moment for series in shown for moment, _ in series.points})
    sums = dict.fromkeys(moments, 0.0)
    drawn = []
    for series in shown:
        values = dict(series.points)
        sums = {moment: sums[moment] + values.get(moment, 0.0) for moment in moments}
        drawn.append(Series(series.name, list(sums.items())))
    return drawn


def _runs(points: list[Point], step: float) -> list[list[Point]]:
    """The points cut into runs at the gaps between them."""
    runs: list[list[Point]] = []
    for point in points:
        if runs and point[0] - runs[-1][-1][0] < 1.5 * step:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _thinned(run: list[Point]) -> list[Point]:
    """A run without the points between two neighbours of the same value."""
    inner = zip(run, run[1:], run[2:], strict=False)
    return run[:1] + [point for before, point, after in inner if not before[1] == point[1] == after[1]] + run[1:][-1:]


def _ceiling(value: float, unit: str) -> float:
    """A round number of its unit above a value."""
    if value <= 0:
        return 1.0
    whole = 2.0**20 if unit == "bytes" else 60.0 if unit == "s" and value >= 120 else 1.0
    power = whole * 10.0 ** math.floor(math.log10(value / whole))
    return next(nice * power for nice in _NICE if nice * power >= value)


def formatted(value: float, unit: str) -> str:
    """A value about as Grafana writes it."""
    match unit:
        case "percentunit":
            return f"{_short(value * 100)} %"
        case "reqps":
            return f"{_short(value)}/s"
        case "bytes":
            return f"{value / 2**20:.0f} MiB"
        case "s" if 0 < value < 1:
            return f"{_short(value * 1000)} ms"
        case "s" if value >= 120:
            return f"{_short(value / 60)} min"
        case "s":
            return f"{_short(value)} s"
    return _short(value)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
