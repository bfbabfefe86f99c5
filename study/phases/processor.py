"""What of a machine the bits of a result depend on.

NumPy chooses its loops by the instructions that the processor has, and BLAS its kernels: another choice
adds in another order, and rounds otherwise. So does compiled code, which is there where Numba is.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from overshoot.core.compiled import default_engine


@cache
def processor() -> str:
    """What makes the updates, the most that NumPy's loops use of the processor, and BLAS's kernel:
    `compiled, AVX512_ICL, openblas Zen`."""
    build: Any = np.show_config(mode="dicts")
    extensions = build["SIMD Extensions"].get("found", [])
    kernels = {
        f"{library['internal_api']} {library.get('architecture', '')}".strip()
        for library in threadpool_info()
        if library["user_api"] == "blas"
    }
    return ", ".join([default_engine(), extensions[-1] if extensions else "baseline", *sorted(kernels)])
