"""PURE. HTML: one self-contained page of tiles, sections and tables."""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
body { margin: 0; background: #f4f3f1; color: #1d1d26; font: 15px/1.5 Helvetica, Arial, sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 40px 32px 64px; background: #ffffff; }
h1 { font-size: 27px; margin: 0 0 20px; }
h2 { font-size: 20px; margin: 44px 0 2px; }
h3 { font-size: 14px; margin: 18px 0 6px; }
p { margin: 0 0 14px; color: #5c5c68; }
p.none { font-style: italic; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
.tiles div { padding: 12px 14px; background: #fff6ed; border-radius: 6px; }
.tiles b { display: block; font-size: 23px; }
.tiles span { font-size: 12px; color: #5c5c68; }
svg { display: block; max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; margin-top: 10px; }
th { text-align: left; color: #7a7a88; font-weight: 400; }
th, td { padding: 5px 18px 5px 0; border-bottom: 1px solid #e6e6ec; font-variant-numeric: tabular-nums; }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1><div class="tiles">{tiles}</div>
{sections}
</main></body></html>
"""


def page(title: str, tiles: Iterable[str], sections: Iterable[str]) -> str:
    """A whole document; it loads nothing and runs no script."""
    return PAGE.format(title=escape(title), style=STYLE, tiles="".join(tiles), sections="\n".join(sections))


def section(title: str, reads: str, drawings: Iterable[str]) -> str:
    """A heading, how to read what follows, and the drawings; what has no rows says so."""
    body = "".join(drawings) or '<p class="none">Nothing yet.</p>'
    return f"<section><h2>{escape(title)}</h2><p>{escape(reads)}</p>{body}</section>"


def titled(title: str, drawing: str) -> str:
    """A drawing under its own small heading."""
    return f"<h3>{escape(title)}</h3>{drawing}"


def tile(what: str, number: str) -> str:
    """A number, large, and what it counts."""
    return f"<div><b>{escape(number)}</b><span>{escape(what)}</span></div>"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Plain rows under their names."""
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(shown(value))}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def shown(value: object) -> str:
    """A value as a reader likes it."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)
