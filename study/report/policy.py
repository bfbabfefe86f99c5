"""What a page may do: run its own script, use its own styles, and nothing else.

A name or a label of whoever made a study can bring in no code, and the page asks nobody for anything. The
browser holds it to that by hashes of the texts within its script and style elements; styles in attributes are
refused with all else, so those of the figures become classes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence

_STYLE = re.compile(r' style="([^"]*)"')


def classes(svgs: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[str]], str]:
    """The drawings with a class in place of each `style` attribute, and the rules of these classes."""
    names: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        return f' class="{names.setdefault(match[1], f"s{len(names)}")}"'

    plain = {name: [_STYLE.sub(named, svg) for svg in drawn] for name, drawn in svgs.items()}
    return plain, "".join(f".{name}{{{style}}}" for style, name in names.items())


def policy(style: str, script: str) -> str:
    """The content-security policy of a page with these texts between its tags."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
