"""The chart of the comparison: under each condition, how many times the CPU of nginx + Lua the others take."""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape

from servers import FASTAPI, GATEWAY, NGINX

_TITLE: Final = "CPU per answer, as a multiple of what nginx + Lua takes"
_WIDTH: Final = 800
_LEFT: Final = 275
"""Where the bars begin."""
_RIGHT: Final = 770
_TOP: Final = 92
_GROUP: Final = 44
_BAR: Final = 15
_FEW: Final = 10
"""Ratios below have a decimal."""
_COLOURS: Final = {GATEWAY: "#0c3795", FASTAPI: "#b8763a"}


def drawn(ratios: Mapping[str, Mapping[str, float]]) -> str:
    """The chart (SVG) of the ratios, given by condition and server."""
    largest = max(found.get(GATEWAY, 1.0) for found in ratios.values())
    end = max(3, int(largest + 1))
    height = _TOP + _GROUP * len(ratios) + 40
    view = f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="14"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {view}>',
        f"<title>{_TITLE}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="20" y="30" font-size="18" font-weight="bold">{_TITLE} (less is better)</text>',
        *_legend(),
        *_axis(end, height - 32),
    ]
    for number, (condition, found) in enumerate(ratios.items()):
        parts += _group(condition, found, _TOP + number * _GROUP, end)
    # Over the bars, so that it is seen where they cross it.
    parts.append(
        f'<line x1="{_x(1, end):.0f}" x2="{_x(1, end):.0f}" y1="{_TOP - 8}" y2="{height - 32}" stroke="black" '
        'stroke-width="2"/>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(ratio: float, end: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * min(ratio, end) / end


def _legend() -> Iterator[str]:
    x = _LEFT
    for server, colour in _COLOURS.items():
        yield f'<rect x="{x}" y="47" width="14" height="14" fill="{colour}"/><text x="{x + 20}" y="59">{server}</text>'
        x += 36 + 8 * len(server)
    yield f'<line x1="{x + 6}" x2="{x + 6}" y1="46" y2="62" stroke="black" stroke-width="2"/>'
    yield f'<text x="{x + 20}" y="59">{NGINX}: 1</text>'


def _axis(end: int, bottom: int) -> Iterator[str]:
    for mark in range(end + 1):
        x = _x(mark, end)
        yield f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_TOP - 8}" y2="{bottom}" stroke="#ccc"/>'
        yield f'<text x="{x:.0f}" y="{bottom + 20}" text-anchor="middle">{mark}</text>'


def _group(condition: str, found: Mapping[str, float], top: int, end: int) -> Iterator[str]:
    yield f'<text x="{_LEFT - 10}" y="{top + _BAR + 5}" text-anchor="end">{escape(condition)}</text>'
    for number, (server, colour) in enumerate(_COLOURS.items()):
        if server in found:
            yield from _bar(found[server], colour, top + number * (_BAR + 2), end)


def _bar(ratio: float, colour: str, y: int, end: int) -> Iterator[str]:
    right = _x(ratio, end)
    yield f'<rect x="{_LEFT}" y="{y}" width="{right - _LEFT:.0f}" height="{_BAR}" fill="{colour}"/>'
    if ratio <= end:
        yield f'<text x="{right + 6:.0f}" y="{y + 13}" font-weight="bold">{ratio:.2f}</text>'
        return
    # Longer than the chart is wide: broken, with its number in it.
    number = f"{ratio:.0f}" if ratio >= _FEW else f"{ratio:.1f}"
    yield (
        f'<path d="M{right - 90:.0f} {y - 1} l-5 {_BAR + 2} h6 l5 -{_BAR + 2} z" fill="white"/>'
        f'<text x="{right - 6:.0f}" y="{y + 13}" text-anchor="end" fill="white">{number}</text>'
    )
