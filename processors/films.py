"""The contact sheet: every film on the same photographs, as a page to look at.

    python -m processors films PHOTO... [--out contact-sheet]
    python -m processors films $(python -m local.photographs)      # on the photographs that the demo uses

The page shows what a phone would be sent: it is made by the same sandbox and from the same renditions.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from html import escape
from pathlib import Path

from processors.rules.film import Developed, Spoiled
from processors.rules.stocks import FILMS, Film
from processors.sandbox import Sandbox

DAY = date(2026, 11, 21)  # for the films that stamp one; any would do, but the sheet must not change by itself
STYLE = """
  body { margin: 3rem; background: #161514; color: #d9d4cc; font: 15px/1.5 Georgia, serif }
  h1 { font-weight: normal; letter-spacing: .02em }
  section { margin: 0 0 3.5rem }
  h2 { font: 600 14px/1.5 ui-monospace, monospace; color: #f0b04a; margin: 0 }
  p { margin: .1rem 0 .8rem; max-width: 60ch; color: #a39c92 }
  div { display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-start }
  img { height: 300px; max-width: 100%; display: block }
  img.grain { width: 300px; object-fit: none }
"""


def write(photographs: Sequence[Path], out: Path) -> Path:
    """Writes `index.html` and the pictures beside it into `out`; gives the page's path. Twice gives the same files."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [_row("as taken", "What the camera wrote.", _originals(photographs, out))]
    rows += asyncio.run(_developed(photographs, out))
    page = out / "index.html"
    page.write_text(_page(rows), encoding="utf-8")
    return page


def _originals(photographs: Sequence[Path], out: Path) -> str:
    names = [f"{number}-original{photograph.suffix}" for number, photograph in enumerate(photographs, 1)]
    for name, photograph in zip(names, photographs, strict=True):
        (out / name).write_bytes(photograph.read_bytes())
    return "".join(_image(name, name) for name in names)


async def _developed(photographs: Sequence[Path], out: Path) -> list[str]:
    sandbox = Sandbox()
    try:
        return [await _strip(sandbox, film, photographs, out) for film in FILMS.values()]
    finally:
        await sandbox.close()


async def _strip(sandbox: Sandbox, film: Film, photographs: Sequence[Path], out: Path) -> str:
    """One film on every photograph, and at the end the middle of the first at 100 %, to judge the grain."""
    cells = [
        _cell(await sandbox.develop(photograph.read_bytes(), film.name, DAY), out, f"{number}-{film.name}")
        for number, photograph in enumerate(photographs, 1)
    ]
    if (out / f"1-{film.name}-large.jpg").exists():
        cells.append(f'<img class="grain" src="1-{film.name}-large.jpg" alt="the middle at 100 %">')
    return _row(film.name, film.says, "".join(cells))


def _cell(made: Developed | Spoiled, out: Path, name: str) -> str:
    if isinstance(made, Spoiled):
        return f"<p>spoiled: {escape(made.reason)}</p>"
    for rendition in made.renditions:
        (out / f"{name}-{rendition.name}.jpg").write_bytes(rendition.jpeg)
    return _image(f"{name}-medium.jpg", f"{name}-large.jpg")


def _image(shown: str, linked: str) -> str:
    return f'<a href="{escape(linked)}"><img src="{escape(shown)}" alt="{escape(shown)}"></a>'


def _row(title: str, says: str, cells: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(says)}</p><div>{cells}</div></section>"


def _page(rows: Sequence[str]) -> str:
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Films</title><style>{STYLE}</style>'
    return "\n".join([head, "<h1>Films</h1>", *rows, "</html>\n"])
