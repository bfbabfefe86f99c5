"""The playground: optimizers that move in the page, from disk, without a server.

fragment(play) goes into any page that has `script()` and `style()` once; page(play, title) stands alone.
"""

from overshoot.study.playground.markup import (
    OPTIMIZERS,
    Playground,
    bundle,
    fragment,
    page,
    policy,
    script,
    style,
)

__all__ = ["OPTIMIZERS", "Playground", "bundle", "fragment", "page", "policy", "script", "style"]
