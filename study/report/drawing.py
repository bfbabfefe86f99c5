"""Drawing: pictures to SVG and PNG in several processes, each drawn anew only where what it shows changed."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from overshoot.study import figures
from overshoot.study.execution.processes import Pool
from overshoot.study.figures.stage import RasterMedium, shown, to_svgs, write_sheet
from overshoot.study.figures.svg import VectorMedium
from overshoot.study.report.pictures import Picture
from overshoot.study.report.unchanged import code_hash

LIBRARIES = ("matplotlib", "seaborn", "numpy", "pandas")
"""That decide what a picture looks like, besides the code of `study.figures`."""


DPI = 110
"""Of the sheets."""


@dataclass
class Drawings:
    """Draws pictures, and keeps each under the hash of all that it is made from.

    kept: the folder of drawings from earlier reports, whose content is data, never code; None keeps none.
    """

    pool: Pool
    colors: Mapping[str, str]
    folder: Path
    kept: Path | None = None
    used: set[str] = field(default_factory=set)
    begun: list[Callable[[], dict[str, list[str]]]] = field(default_factory=list)

    def wait(self) -> dict[str, list[str]]:
        """The panels of all pictures that were begun as SVG, by the picture's name."""
        return {name: svgs for finished in self.begun for name, svgs in finished().items()}

    def start(self, pictures: Iterable[Picture], sheets: Iterable[Picture]) -> None:
        """Begin to draw.

        The pictures in `sheets` are also written into `folder` as PNG.
        """
        files = {picture.name: self.folder / f"{picture.name}.png" for picture in sheets}
        # The large ones first, so that no process is left with one at the end.
        ordered = sorted(pictures, key=lambda p: (p.name not in files, -len(p.tiles) * p.panels.size[1]))
        keys = {p.name: _key(p, self.colors, p.name in files) for p in ordered}
        self.used |= set(keys.values())
        ready = {p.name: svgs for p in ordered if (svgs := self._kept(keys[p.name], files.get(p.name)))}
        fresh = [picture for picture in ordered if picture.name not in ready]
        drawn = self.pool.start([partial(_picture, p, self.colors, files.get(p.name)) for p in fresh])

        def finished() -> dict[str, list[str]]:
            made = dict(zip((picture.name for picture in fresh), drawn(), strict=True))
            for name, svgs in made.items():
                self._keep(keys[name], svgs, files.get(name))
            return {picture.name: (ready | made)[picture.name] for picture in ordered}

        self.begun.append(finished)

    def forget(self) -> None:
        """Delete the drawings that were not used this time."""
        if self.kept is not None and self.kept.is_dir():
            for file in self.kept.iterdir():
                if file.stem not in self.used:
                    file.unlink()

    def _kept(self, key: str, file: Path | None) -> list[str] | None:
        """The panels of an earlier drawing, its PNG copied to `file`; None where there is no whole one."""
        if self.kept is None:
            return None
        try:
            svgs = json.loads((self.kept / f"{key}.json").read_text(encoding="utf-8"))
            if file is not None:
                shutil.copyfile(self.kept / f"{key}.png", file)
        except (OSError, ValueError):
            return None
        return svgs if isinstance(svgs, list) and all(isinstance(svg, str) for svg in svgs) else None

    def _keep(self, key: str, svgs: list[str], file: Path | None) -> None:
        if self.kept is None:
            return
        self.kept.mkdir(parents=True, exist_ok=True)
        if file is not None:
            _write(self.kept / f"{key}.png", file.read_bytes())
        _write(self.kept / f"{key}.json", json.dumps(svgs).encode())  # last: it is looked for first


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as made:
        made.write(content)
    os.replace(made.name, path)


def _key(picture: Picture, colors: Mapping[str, str], file: bool) -> str:
    """The hash of all that a drawing depends on: what is shown, and the code that draws it."""
    shown = replace(picture, panels=replace(picture.panels, draw=_unused))
    content = pickle.dumps((shown, _name(picture.panels.draw), sorted(colors.items()), file), protocol=5)
    return hashlib.sha256(_code().encode() + content).hexdigest()[:32]


def _unused(*_: object) -> None:
    """In the place of the function that draws, whose name and source are hashed instead."""


def _name(function: Callable[..., object]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


@cache
def _code() -> str:
    """The hash of the code of the figures and of the libraries that draw."""
    return code_hash(figures.__path__, LIBRARIES)


def _picture(picture: Picture, colors: Mapping[str, str], file: Path | None) -> list[str]:
    panels = picture.panels
    if file is None:
        return to_svgs(panels, picture.name, colors)
    layers, pixels = zip(*shown(panels, VectorMedium(panels.size, colors), RasterMedium(DPI)), strict=True)
    write_sheet(panels, pixels, file, DPI)
    return [layer.document(panels.size, f"{picture.name}-{i}") for i, layer in enumerate(layers)]
