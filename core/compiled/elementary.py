"""exp, tanh and other functions of vectors, without a call: as code for `core.compiled.build`.

exp and tanh are those of Moshier's Cephes library, accurate to about the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

bits: Callable[[Any], Any]
magnitude: Callable[[Any], Any]
select: Callable[[Any, Any, Any], Any]
shifted: Callable[[Any, int], Any]
spread: Callable[[float], Any]
splat_float32: Callable[[float], Any]
splat_float64: Callable[[float], Any]
exponential: Callable[[Any], Any]


def maximum(a: Any, b: Any) -> Any:
    """As NumPy: NaN where either is."""
    return select((a > b) | (a != a), a, b)


def minimum(a: Any, b: Any) -> Any:
    return select((a < b) | (a != a), a, b)


def sign(a: Any) -> Any:
    zero, one = spread(0.0), spread(1.0)
    return select(a > zero, one, select(a < zero, zero - one, select(a == zero, zero, a)))


def exponential_float32(x: Any) -> Any:
    magic = splat_float32(12582912.0)  # 1.5 2^23: adding it rounds to a whole number, which its last bits are
    near = x * splat_float32(1.44269504088896341) + magic
    n = near - magic
    r = x - n * splat_float32(0.693359375) + n * splat_float32(2.12194440e-4)
    p = splat_float32(1.9875691500e-4) * r + splat_float32(1.3981999507e-3)
    p = p * r + splat_float32(8.3334519073e-3)
    p = p * r + splat_float32(4.1665795894e-2)
    p = p * r + splat_float32(1.6666665459e-1)
    p = p * r + splat_float32(5.0000001201e-1)
    p = p * (r * r) + r + splat_float32(1.0)
    y = bits(bits(p) + shifted(bits(near), 23))
    y = select(x > splat_float32(88.72283), splat_float32(math.inf), y)
    y = select(x < splat_float32(-87.33654), splat_float32(0.0), y)
    return select(x == x, y, x)


def exponential_float64(x: Any) -> Any:
    magic = splat_float64(6755399441055744.0)  # 1.5 2^52
    near = x * splat_float64(1.44269504088896340736) + magic
    n = near - magic
    r = x - n * splat_float64(6.93145751953125e-1) - n * splat_float64(1.42860682030941723212e-6)
    s = r * r
    p = splat_float64(1.26177193074810590878e-4) * s + splat_float64(3.02994407707441961300e-2)
    p = (p * s + splat_float64(9.99999999999999999910e-1)) * r
    q = splat_float64(3.00198505138664455042e-6) * s + splat_float64(2.52448340349684104192e-3)
    q = (q * s + splat_float64(2.27265548208155028766e-1)) * s + splat_float64(2.0)
    p = p / (q - p)
    p = splat_float64(1.0) + p + p
    y = bits(bits(p) + shifted(bits(near), 52))
    y = select(x > splat_float64(709.782712893384), splat_float64(math.inf), y)
    y = select(x < splat_float64(-708.39), splat_float64(0.0), y)
    return select(x == x, y, x)


def tangent_float32(x: Any) -> Any:
    """tanh."""
    z = x * x
    p = splat_float32(-5.70498872745e-3) * z + splat_float32(2.06390887954e-2)
    p = p * z - splat_float32(5.37397155531e-2)
    p = p * z + splat_float32(1.33314422036e-1)
    p = p * z - splat_float32(3.33332819422e-1)
    return _far_or(x, p * z * x + x)


def tangent_float64(x: Any) -> Any:
    z = x * x
    p = splat_float64(-9.64399179425052238628e-1) * z - splat_float64(9.92877231001918586564e1)
    p = p * z - splat_float64(1.61468768441708447952e3)
    q = (z + splat_float64(1.12811678491632931402e2)) * z + splat_float64(2.23548839060100448583e3)
    q = q * z + splat_float64(4.84406305325125486048e3)
    return _far_or(x, x + x * (z * (p / q)))


def _far_or(x: Any, near: Any) -> Any:
    """tanh x away from zero by exp, and `near` close to it."""
    size = magnitude(x)
    one = spread(1.0)
    far = one - (one + one) / (exponential(size + size) + one)
    far = select(x < spread(0.0), spread(0.0) - far, far)
    return select(size < spread(0.625), near, far)
