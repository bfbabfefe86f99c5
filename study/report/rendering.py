"""From stored cells to files: analyse, draw in parallel, lay out, and swap in when all is whole."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from threadpoolctl import threadpool_limits

from overshoot.study import playground
from overshoot.study.analysis import Study
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.execution.garbage import collect_rarely
from overshoot.study.execution.processes import Pool
from overshoot.study.figures.keys import SIZE as KEY
from overshoot.study.figures.keys import LegendKey, draw_key
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.stage import to_svgs
from overshoot.study.figures.theme import SHOWN, looks
from overshoot.study.report.drawing import Drawings
from overshoot.study.report.page import Page, compose
from overshoot.study.report.policy import classes, policy
from overshoot.study.report.unchanged import FILES
from overshoot.study.tracking.server import ADDRESS

T = TypeVar("T")

MAKING = ".report-"
"""The start of the name of the folder in which a report is made."""

SCRIPTS = {
    "story": ("tables", "saving", "store"),
    "evidence": ("places", "tables", "filters", "saving", "store", "tips"),
}
"""Page -> its scripts, in their order."""


def render(
    experiment: str,
    title: str,
    study: Study,
    provenance: Mapping[str, Any],
    folder: Path,
    workers: int | Pool,
    store: str = ADDRESS,
    drawings: Path | None = None,
) -> Path:
    """Write `report.html`, `evidence.html`, `report.md` and `figures/` of an experiment into `folder`; the
    path of the first.

    provenance: what it was run with, names and values shown in their order. workers: processes that
    draw, which end with it, or how many. store: where MLflow's pages are, for the links to runs. drawings:
    the folder in which drawings are kept from one report to the next, so that only what changed is drawn.
    Nothing in `folder` changes until all is written. ValueError when the cells were run with different
    protocols.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{MAKING}*"):  # by a process that was killed; one makes this report at a time
        shutil.rmtree(left)
    begun = workers if isinstance(workers, Pool) else prepared(workers)
    with begun as pool, tempfile.TemporaryDirectory(dir=folder, prefix=MAKING) as made:
        whole = Path(made)
        (whole / "figures").mkdir()
        # Its many small products gain nothing from threads, which on a busy machine wait for each other.
        with threadpool_limits(1):
            study_tables = analyse(study, partial(_begun, pool))
            look = looks(study_tables.study.names.optimizers, study_tables.study.names.batches)
            drawing = Drawings(pool, look.variables, whole / "figures", drawings)
            # The workers draw while the page is composed.
            page = compose(experiment, title, study_tables, look, provenance, store, drawing.start)
        svgs = drawing.wait()
        drawing.forget()
        (whole / "evidence.html").write_text(_evidence(page, svgs), encoding="utf-8")
        (whole / "report.html").write_text(_story(page, svgs), encoding="utf-8")
        (whole / "report.md").write_text(_markdown(page), encoding="utf-8")
        for name in FILES:
            _swap(whole / name, folder / name)
    return folder / "report.html"


def _begun(pool: Pool, task: Callable[[], T]) -> Callable[[], T]:
    results = pool.start([task])
    return lambda: results()[0]


def prepared(workers: int) -> Pool:
    """Processes that draw, and begin with importing what that needs, which takes seconds."""
    pool = Pool(workers)
    pool.start([_prepared] * workers)
    return pool


def _prepared() -> None:
    collect_rarely()


def _story(page: Page, svgs: Mapping[str, Sequence[str]]) -> str:
    """The page to begin with: picture, rates to take, playground, five findings."""
    return _html(
        "story",
        page,
        {page.opening.picture.name: svgs[page.opening.picture.name]},
        {},
        playground.style(),
        playground.script(),
        playground=Markup(playground.fragment(page.opening.play)),
    )


def _evidence(page: Page, svgs: Mapping[str, Sequence[str]]) -> str:
    """The page with everything else."""
    drawn = {
        p.name: _legible(_renamed(svgs[p.name], p.name, f"v{i}"), p.panels.size[0])
        for i, p in enumerate(page.pictures)
    }
    return _html("evidence", page, drawn, _signs(page))


def _renamed(svgs: Sequence[str], name: str, short: str) -> list[str]:
    """The panels with ids that start with a shorter name: a large page refers to them 100,000 times."""
    return [re.sub(rf'(id="|#){re.escape(name)}-', rf"\g<1>{short}-", svg) for svg in svgs]


def _legible(svgs: Sequence[str], width: float) -> list[str]:
    """The panels, never shown so small that their letters cannot be read; the frame scrolls instead."""
    style = f'style="min-width:{width * SHOWN:.0f}px"'
    return [svg.replace("<svg ", f"<svg {style} ", 1) for svg in svgs]


def _html(
    kind: str,
    page: Page,
    svgs: Mapping[str, Sequence[str]],
    signs: Mapping[LegendKey, str],
    style: str = "",
    script: str = "",
    **more: Markup,
) -> str:
    """The page `kind` with these drawings, the signs of its legends, and what `style` and `script` add."""
    environment = _environment(autoescape=True)
    drawn, rules = classes({**svgs, "": list(signs.values())})
    style = _style(page, environment) + style + rules
    scripts = [environment.get_template(f"{name}.js").render() for name in SCRIPTS[kind]]
    script = ";\n".join([script, *scripts] if script else scripts)
    return environment.get_template(f"{kind}.html.j2").render(
        page=page,
        kind=kind,
        svgs={name: [Markup(svg) for svg in panels] for name, panels in drawn.items()},
        signs={key: f"sign-{i}" for i, key in enumerate(signs)},
        symbols=Markup("".join(drawn[""])),
        style=Markup(style),
        script=Markup(script),
        policy=policy(style, script),
        **more,
    )


def _style(page: Page, environment: Environment) -> str:
    shades = page.looks.themes.values()
    light = "".join(f"{name}:{light};" for name, light, _ in shades)
    dark = "".join(f"{name}:{dark};" for name, _, dark in shades)
    colors = f"@media (prefers-color-scheme: dark){{:root{{{dark}}}}}@media print{{:root{{{light}}}}}"
    return f":root{{{light}}}{colors}{environment.get_template('style.css').render()}"


def _signs(page: Page) -> dict[LegendKey, str]:
    """The sign of every key of every legend, as SVG with the id `sign-` and its number."""
    keys = list(dict.fromkeys(key for picture in page.pictures for key in picture.keys))
    drawn = to_svgs(Panels(draw_key, keys, KEY), "key", page.looks.variables)
    named = (svg.replace("<svg ", f'<svg id="sign-{i}" ', 1) for i, svg in enumerate(drawn))
    return dict(zip(keys, named, strict=True))


def _markdown(page: Page) -> str:
    environment = _environment(autoescape=False)
    environment.filters["md"] = markdown
    text = environment.get_template("report.md.j2").render(page=page)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("overshoot.study.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["whole"] = whole
    return environment


SENTENCE = 40
"""Characters from which a cell's text is one that may break anywhere."""


def whole(cell: str) -> str:
    """The text of a table's cell, which may break only before what stands in brackets, an interval mostly."""
    if len(cell) > SENTENCE:
        return cell
    return re.sub(r"[ \u00a0](?=[\[(])", " ", re.sub(" ", "\u00a0", cell))


def markdown(text: object) -> str:
    """A text as Markdown that shows just this text, in a table too."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    # A bracket alone is text: what follows the closing one makes a link of it, or a definition where the text
    # begins with it. An underscore within a word is text as well.
    special = r"[\\`*|~#]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[])|^\[(?=[^\]]*\]:)"
    return re.sub(f"({special})", r"\\\1", escaped)


def _swap(new: Path, old: Path) -> None:
    """Put `new` in the place of `old`, which is a file or a folder or not there."""
    if old.is_dir():
        os.replace(old, new.with_name(f"old-{old.name}"))
    os.replace(new, old)


__all__ = ["markdown", "render"]
