"""PURE. Drawings as SVG text: lines, heat maps, bars. Numbers in, one self-contained `<svg>` out.

Drawn by hand, so that the report needs no plotting library: five shapes on a scale are less code than its settings.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from itertools import pairwise

WIDTH = 900
INK, FAINT, GRID, ALARM = "#1d1d26", "#7a7a88", "#e6e6ec", "#c8102e"
COLOURS = ("#d9480f", "#1864ab", "#5c940d", "#862e9c")
_COLD, _WARM = (255, 246, 237), (196, 62, 10)  # of a heat map's least and most
_DARK_FROM = 0.6  # from here on a square's number is white
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 110, 12, 26
LABEL_APART = 15


def lines(days: Sequence[date], series: Mapping[str, Sequence[float]], height: int = 260) -> str:
    """One line per series over days, named at its right end, over a scale that begins at zero."""
    top = ceiling(max((value for values in series.values() for value in values), default=0))
    across, down = _across(len(days)), _down(top, height)
    drawn = [*_scale(top, down), *_days(days, across, height)]
    ends = _apart({name: down(values[-1]) for name, values in series.items() if values})
    for (name, values), colour in zip(series.items(), COLOURS, strict=False):
        points = " ".join(f"{across(at):.1f},{down(value):.1f}" for at, value in enumerate(values))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2"/>')
        drawn += [_text(WIDTH - _RIGHT + 8, y + 4, name, fill=colour, weight="600") for y in _only(ends, name)]
    return _svg(height, drawn)


def columns(
    days: Sequence[date], series: Mapping[str, Sequence[float]], colours: Sequence[str] = COLOURS, height: int = 220
) -> str:
    """A column per day, its series upon each other, named at the right in their colours."""
    sums = [sum(values) for values in zip(*series.values(), strict=True)]
    top = ceiling(max(sums, default=0))
    across, down = _across(len(days)), _down(top, height)
    wide = min(24.0, (WIDTH - _LEFT - _RIGHT) / max(1, len(days)) * 0.72)
    drawn = [*_scale(top, down), *_days(days, across, height)]
    below = [0.0] * len(days)
    for at, ((name, values), colour) in enumerate(zip(series.items(), colours, strict=False)):
        for day, value in enumerate(values):
            y, foot = down(below[day] + value), down(below[day])
            drawn.append(_rect(across(day) - wide / 2, y, wide, foot - y, colour))
            below[day] += value
        drawn.append(_text(WIDTH - _RIGHT + 22, _TOP + 12 + 20 * at, name, fill=colour, weight="600"))
    return _svg(height, drawn)


def heat(rows: Sequence[str], heads: Sequence[str], cells: Mapping[tuple[int, int], float], *, percent: bool) -> str:
    """A square per (row, column), warmer the higher; as per cent of one, or as a number against the highest.

    Warmth goes by the square root, for what is told apart is mostly low.
    """
    most = 1.0 if percent else max(cells.values(), default=0) or 1.0
    wide, high, left = (WIDTH - 120) / max(1, len(heads)), 20, 116
    drawn = [
        _text(left + wide * (at + 0.5), 14, head, size=10, fill=FAINT, anchor="middle") for at, head in enumerate(heads)
    ]
    drawn += [_text(left - 8, 34 + high * at, row, size=11, fill=FAINT, anchor="end") for at, row in enumerate(rows)]
    for (row, column), value in cells.items():
        x, y, warmth = left + wide * column, 20 + high * row, min(1.0, value / most) ** 0.5
        drawn.append(_rect(x, y, wide - 1, high - 1, _colour(warmth)))
        shown = f"{100 * value:.0f}" if percent else f"{value:,.{0 if most >= 10 else 1}f}"
        ink = "#ffffff" if warmth >= _DARK_FROM else INK
        drawn.append(_text(x + wide / 2 - 0.5, y + 14, shown, size=10, fill=ink, anchor="middle"))
    return _svg(24 + high * len(rows), drawn)


def bars(labels: Sequence[str], values: Sequence[float], notes: Sequence[str]) -> str:
    """A bar per label, from the left, with its number and note behind it."""
    most, high, left = max(values, default=0) or 1, 34, 130
    drawn: list[str] = []
    for at, (label, value, note) in enumerate(zip(labels, values, notes, strict=True)):
        y, wide = high * at, max(1.0, (WIDTH - left - 290) * value / most)
        drawn.append(_text(left - 12, y + 21, label, anchor="end", weight="600"))
        drawn.append(_rect(left, y + 4, wide, high - 8, COLOURS[0]))
        drawn.append(_text(left + wide + 10, y + 21, f"{value:,.0f}", weight="600"))
        drawn.append(_text(left + wide + 14 + 9 * len(f"{value:,.0f}"), y + 21, note, fill=FAINT))
    return _svg(high * len(labels), drawn)


def ceiling(value: float) -> float:
    """The round number (1, 2, 2.5, 4, 5 by a power of ten) at or above `value`; 4 at least, so a scale has steps."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return max(4.0, next(size * step for step in (1, 2, 2.5, 4, 5, 10) if size * step >= value))


class _Scale:
    """A straight line from numbers to pixels."""

    def __init__(self, begin: float, per_unit: float) -> None:
        self._begin, self._per_unit = begin, per_unit

    def __call__(self, value: float) -> float:
        return self._begin + self._per_unit * value


def _across(count: int) -> _Scale:
    return _Scale(_LEFT + 14, (WIDTH - _LEFT - _RIGHT - 20) / max(1, count - 1))


def _down(top: float, height: int) -> _Scale:
    return _Scale(height - _BOTTOM, -(height - _BOTTOM - _TOP) / top)


def _scale(top: float, down: _Scale) -> Iterable[str]:
    for step in range(5):
        value = top * step / 4
        y = down(value)
        yield f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield _text(_LEFT - 8, y + 4, f"{value:,.10g}", size=11, fill=FAINT, anchor="end")


def _days(days: Sequence[date], across: _Scale, height: int) -> Iterable[str]:
    every = max(1, -(-len(days) // 8))
    for at, day in enumerate(days):
        if (len(days) - 1 - at) % every == 0:
            yield _text(across(at), height - 8, f"{day:%-d %b}", size=11, fill=FAINT, anchor="middle")


def _apart(places: Mapping[str, float]) -> dict[str, float]:
    """The same heights, moved down where two names would stand upon each other."""
    ordered = sorted(places, key=lambda name: places[name])
    moved = dict(places)
    for above, below in pairwise(ordered):
        moved[below] = max(moved[below], moved[above] + LABEL_APART)
    return moved


def _only(places: Mapping[str, float], name: str) -> list[float]:
    return [places[name]] if name in places else []


def _colour(warmth: float) -> str:
    red, green, blue = (round(cold + (warm - cold) * warmth) for cold, warm in zip(_COLD, _WARM, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _rect(x: float, y: float, wide: float, high: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="2" fill="{colour}"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 13, fill: str = INK, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(height: int, drawn: Iterable[str]) -> str:
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="Helvetica, Arial, sans-serif">\n{body}\n</svg>'
    )
