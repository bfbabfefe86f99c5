"""A playground as markup, its modules as one script, and both as a page that asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files

from overshoot.core import OPTIMIZERS as METHODS
from overshoot.core import domains
from overshoot.study.figures.theme import variables

OPTIMIZERS = (
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
    "amsgrad",
    "signsgd",
    "lion",
)
"""Methods that rules.js has, in the order of the page's lists."""

KNOBS = ("momentum", "alpha", "beta1", "beta2", "eps")
"""Hyperparameters that the page can turn; of a method that decays weights by default also how much."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.M)

Setting = str | float | bool


@dataclass(frozen=True)
class Playground:
    """One playground of a page.

    name: its element's id, which its addresses begin with. state: settings by the names in state.js, where
    they are not the defaults. x, y: what the axes of the line's data are called. open: whether the problem's
    own controls are unfolded. autoplay: whether it plays when it is first seen.
    """

    name: str = "play"
    state: Mapping[str, Setting] = field(default_factory=dict)
    x: str = "x"
    y: str = "y"
    open: bool = False
    autoplay: bool = False


def fragment(play: Playground) -> str:
    """The playground's element; what is in it the script makes."""
    data = {
        "state": json.dumps(dict(play.state)),
        "x": play.x,
        "y": play.y,
        "open": json.dumps(play.open),
        "autoplay": json.dumps(play.autoplay),
    }
    given = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items())
    return (
        f'<section class="playground" id="{escape(play.name)}" aria-label="Playground" {given}>'
        "<p>Here is something that moves, and it needs JavaScript, which is switched off.</p></section>"
    )


@cache
def script() -> str:
    """All modules as one script, for the end of a page's body."""
    return bundle("playground")


@cache
def style() -> str:
    return _read("playground.css")


def bundle(name: str, expose: str = "") -> str:
    """The module `name` and those that it imports, each once and after its own imports, as one function.

    expose: an expression that the function returns, for tests. The names at the top of all modules differ.
    """
    text = "\n".join(_modules(name, {}).values())
    returned = f"\nreturn {expose};" if expose else ""
    return f'(() => {{\n"use strict";\n{text}{returned}\n}})()'


def _modules(name: str, known: dict[str, str]) -> dict[str, str]:
    if name in known:
        return known
    text = _catalogue() if name == "catalogue" else _read(f"{name}.js")
    for needed in _IMPORT.findall(text):
        _modules(needed, known)
    known[name] = re.sub(r"^export ", "", _IMPORT.sub("", text), flags=re.M)
    return known


def _read(name: str) -> str:
    return (files("overshoot.study.playground") / "static" / name).read_text(encoding="utf-8")


def _catalogue() -> str:
    methods = {name: _method(name) for name in OPTIMIZERS}
    return f"export const CATALOGUE = {json.dumps(methods, ensure_ascii=False)};\n"


def _method(name: str) -> dict[str, object]:
    known = {key: option.default for key, option in domains(name).items()}
    turned = (*KNOBS, "weight_decay") if known.get("weight_decay") else KNOBS
    return {
        "label": METHODS[name].label,
        "lr": known["lr"],
        "knobs": {key: known[key] for key in turned if key in known},
    }


def policy(scripts: Iterable[str], styles: Iterable[str], drawings: bool = False) -> str:
    """A content security policy that allows these texts, inline, and nothing from anywhere.

    drawings: whether the page holds drawings, whose parts have style attributes.
    """

    def hashes(texts: Iterable[str]) -> str:
        digests = (hashlib.sha256(text.encode()).digest() for text in texts)
        return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)

    attributes = "; style-src-attr 'unsafe-inline'" if drawings else ""
    rules = f"default-src 'none'; script-src {hashes(scripts)}; style-src {hashes(styles)}{attributes}"
    return f"{rules}; img-src data: blob:; base-uri 'none'; form-action 'none'"


@cache
def sheet() -> str:
    """The style of a page that is not the report's: type, margins, paper."""
    return _read("page.css")


def colors() -> str:
    """The variables of the figures' colours, light and dark, as CSS."""
    shades = variables(4).values()
    light = "".join(f"{name}:{value};" for name, value, _ in shades)
    dark = "".join(f"{name}:{value};" for name, _, value in shades)
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def page(play: Playground, title: str) -> str:
    """A page of its own with one playground."""
    look = colors() + sheet() + style()
    code = script()
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy([code], [look]))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{look}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{fragment(play)}\n</main>\n<script>{code}</script>\n</body>\n</html>\n"
    )
