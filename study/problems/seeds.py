"""Seeds from named axes.

A seed depends on the names of what it is for and on nothing else. Optimizer, learning rate and batch
strategy are never among them, so every optimizer starts from the same weights and sees the same
permutations: differences are paired (common random numbers).
"""

from __future__ import annotations

import hashlib


def seed(root: int, purpose: str, **axes: object) -> int:
    """A 63-bit seed for `purpose` (such as "split", "weights" or "order") on the given axes."""
    name = "|".join([str(root), purpose, *(f"{k}={axes[k]}" for k in sorted(axes))])
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
