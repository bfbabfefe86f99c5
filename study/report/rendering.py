"""From stored cells to files: analyse, draw in parallel, lay out, and swap in when all is whole."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from joblib import Parallel, delayed
from markupsafe import Markup
from threadpoolctl import threadpool_limits

from study.analysis import StoredCell, gather
from study.analysis.tables import analyse
from study.figures.keys import SIZE as KEY
from study.figures.keys import Key, draw_key
from study.figures.panels import Panels, write_png
from study.figures.svg import to_svgs
from study.figures.theme import looks, variables
from study.report.page import Page, compose
from study.report.pictures import Picture

STORE = "http://127.0.0.1:5000"


def render(
    experiment: str,
    title: str,
    cells: Sequence[StoredCell],
    provenance: Mapping[str, Any],
    folder: Path,
    workers: int,
    store: str = STORE,
) -> Path:
    """Write `report.html`, `report.md` and `figures/` of an experiment into `folder`; the page's path.

    provenance: what it was run with, names and values shown in their order. workers: processes that
    draw. store: where MLflow's pages are, for the links to runs. Nothing in `folder` changes until all
    is written. ValueError without cells, or when they were run with different protocols.
    """
    # Its many small products gain nothing from threads, which on a busy machine wait for each other.
    with threadpool_limits(1):
        found = analyse(gather(cells))
        names = found.study.names
        page = compose(experiment, title, found, looks(names.optimizers, names.batches), provenance, store)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".report-") as made:
        whole = Path(made)
        (whole / "figures").mkdir()
        svgs = _draw(page, whole / "figures", workers)
        (whole / "report.html").write_text(_html(page, svgs), encoding="utf-8")
        (whole / "report.md").write_text(_markdown(page), encoding="utf-8")
        for name in ("figures", "report.md", "report.html"):
            _swap(whole / name, folder / name)
    return folder / "report.html"


def _draw(page: Page, folder: Path, workers: int) -> dict[str, list[str]]:
    """The panels of every picture as SVG, by its name; the sheets are written into `folder` as PNG."""
    colors = page.variables
    sheets = {picture.name: folder / f"{picture.name}.png" for picture in page.sheets}
    # The large ones first, so that no process is left with one at the end.
    pictures = sorted(page.pictures, key=lambda p: (p.name not in sheets, -len(p.tiles) * p.panels.size[1]))
    jobs = (delayed(_picture)(picture, colors, sheets.get(picture.name)) for picture in pictures)
    return dict(zip((p.name for p in pictures), Parallel(n_jobs=workers)(jobs), strict=True))


def _picture(picture: Picture, colors: Mapping[str, str], file: Path | None) -> list[str]:
    # The page sets its legends itself; only a file needs them drawn.
    panels = picture.panels if file is not None else replace(picture.panels, keys=())
    figure = panels.figure()
    if file is not None:
        write_png(figure, file)
    return to_svgs(figure, panels, picture.name, colors)


def _html(page: Page, svgs: Mapping[str, Sequence[str]]) -> str:
    shades = variables(len(page.looks.batches)).values()
    signs = _signs(page)
    return (
        _environment(autoescape=True)
        .get_template("report.html.j2")
        .render(
            page=page,
            svgs={name: [Markup(svg) for svg in drawn] for name, drawn in svgs.items()},
            signs={key: f"sign-{i}" for i, key in enumerate(signs)},
            symbols=Markup("".join(signs.values())),
            light="".join(f"{name}:{light};" for name, light, _ in shades),
            dark="".join(f"{name}:{dark};" for name, _, dark in shades),
        )
    )


def _signs(page: Page) -> dict[Key, str]:
    """The sign of every key of every legend, as SVG with the id `sign-` and its number."""
    keys = list(dict.fromkeys(key for picture in page.pictures for key in picture.keys))
    panels = Panels(draw_key, keys, KEY)
    drawn = to_svgs(panels.figure(), panels, "key", page.variables)
    named = (svg.replace("<svg ", f'<svg id="sign-{i}" ', 1) for i, svg in enumerate(drawn))
    return dict(zip(keys, named, strict=True))


def _markdown(page: Page) -> str:
    environment = _environment(autoescape=False)
    environment.filters["md"] = markdown
    text = environment.get_template("report.md.j2").render(page=page)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment(autoescape: bool) -> Environment:
    return Environment(
        loader=PackageLoader("study.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def markdown(text: object) -> str:
    """A text as Markdown that shows just this text, in a table too."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    # A bracket alone is text; only what follows the closing one would make it a link.
    return re.sub(r"([\\`*_|~#]|\](?=[(\[:]))", r"\\\1", escaped)


def _swap(new: Path, old: Path) -> None:
    """Put `new` in the place of `old`, which is a file or a folder or not there."""
    if old.is_dir():
        os.replace(old, new.with_name(f"old-{old.name}"))
    os.replace(new, old)


__all__ = ["STORE", "markdown", "render"]
