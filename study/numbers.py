"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from overshoot.study.comparison import Comparison, Range, few
from overshoot.study.statistics import Interval

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 2) -> str:
    """Some digits of a number of any size: 0.046, 2.2, 120, and 2.2·10⁻⁴ beyond; ∞, and – for none."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if 0.001 <= abs(value) < 10_000 or value == 0:
        return _signed(f"{value:.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power, mantissa = f"10{raised(int(exponent))}", mantissa.rstrip("0").rstrip(".")
    return power if mantissa == "1" else _signed(f"{mantissa}·{power}")


def exact(value: float) -> str:
    """Three digits of what is known to about a hundredth: 0.315, 12.4; `number` where that has no room."""
    return f"{value:#.3g}".rstrip(".") if 0.001 <= value < 1000 else number(value)


def raised(exponent: int) -> str:
    """An exponent in superscript digits."""
    return str(exponent).translate(_RAISED)


def fixed(value: float, digits: int) -> str:
    """A number with so many decimals; ∞, and – for none."""
    return _signed(f"{value:.{digits}f}") if math.isfinite(value) else number(value)


def between(interval: Interval, digits: int) -> str:
    """`1.9 [1.5, 2.2]`, with so many decimals."""
    return _interval(interval, lambda value: fixed(value, digits))


def rough(interval: Interval) -> str:
    """`2.2 [0.5, 120]`: each end as a number by itself, where they may be of different sizes."""
    return _interval(interval, number)


def around(interval: Interval) -> str:
    """`0.025 [0.020, 0.030]`: two significant digits of each, and zeros where the others have digits."""
    values = (interval.value, interval.low, interval.high)
    if not all(0.001 <= abs(v) < 1000 for v in values):
        return rough(interval)
    digits = max(0, 1 - math.floor(math.log10(min(abs(v) for v in values))))
    return between(interval, digits)


def percent(share: float) -> str:
    """A share as a percentage, with a decimal where it would otherwise round to 0 or 100."""
    return f"{_hundredths(share)}\u202f%"


def share(interval: Interval) -> str:
    """`22 % [18, 27]`; of few problems with the range over them, `22 % (10 to 40)`, of one `22 %`."""
    if isinstance(interval, Range) and interval.clusters == 1:
        return percent(interval.value)
    return f"{percent(interval.value)}{_ends(interval, _hundredths)}"


def over_problems(interval: Interval) -> str:
    """A share and how it varies over problems: `22 % [18, 27], resampled by problem`; of few problems
    `22 %, 10 to 40 by problem`; `100 % on each problem`; of a single one `22 %`."""
    if isinstance(interval, Range) and interval.clusters == 1:
        return percent(interval.value)
    if interval.low == interval.high:
        return f"{percent(interval.value)} on each problem"
    if not isinstance(interval, Range):
        return f"{share(interval)}, resampled by problem"
    low, high = _hundredths(interval.low), _hundredths(interval.high)
    return f"{percent(interval.value)}, {low} to {high} by problem"


def by_problem(interval: Interval, said: str) -> str:
    """What is said of a share, and how it varies over problems: `22 % [18, 27] of the cells (resampled by
    problem)`, under few problems `22 % (10 to 40) of the cells (by problem)`, of a single one `22 % of the
    cells`."""
    if not isinstance(interval, Range):
        return f"{share(interval)} {said} (resampled by problem)"
    return f"{share(interval)} {said}{'' if interval.single else ' (by problem)'}"


def both(comparison: Comparison, write: Callable[[float], str]) -> str:
    """`0.57 ([0.54, 0.61] on these problems, [0.41, 0.73] on problems like these)`, each number as `write`
    has it; of few problems the range over them: `0.57 (0.40 to 0.80 by problem)`; of a single one `0.57`."""
    ends, problems = _hundredths if write is percent else write, comparison.problems
    value, low, high = write(comparison.value), ends(problems.low), ends(problems.high)
    if isinstance(problems, Range):
        return value if problems.single else f"{value} ({low} to {high} by problem)"
    here = _ends(comparison.replicates, ends).strip()
    return f"{value} ({here} on these problems, [{low},\u00a0{high}] on problems like these)"


def resampled(problems: int) -> str:
    """What stands after a median of what was seen on so many problems; nothing after one of a single one."""
    if not few(problems):
        return "with its 95\u202f% bootstrap interval, resampled by problem"
    return "" if problems == 1 else "with its range over the problems"


def fold(decades: float) -> str:
    """How many times larger, to one digit: 2.9 decades are `800-fold`."""
    return f"{float(f'{10**decades:.1g}'):,.0f}-fold"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 cell`, `2 cells`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def _interval(interval: Interval, write: Callable[[float], str]) -> str:
    return write(interval.value) + _ends(interval, write)


def _ends(interval: Interval, write: Callable[[float], str]) -> str:
    """In one piece, so that a line never breaks within it: ` [1.5, 2.2]`, ` (1.5 to 2.2)` of a range, and
    nothing of one problem alone."""
    low, high = write(interval.low), write(interval.high)
    if isinstance(interval, Range):
        if interval.single:
            return ""
        return f"\u00a0({low}\u00a0to\u00a0{high})"
    return f"\u00a0[{low},\u00a0{high}]"


def _hundredths(share: float) -> str:
    exact = 100 * share
    if exact in (0, 100) or 1 <= exact <= 99:
        return f"{exact:.0f}"
    return "<0.1" if exact < 0.1 else ">99.9" if exact > 99.9 else f"{exact:.1f}"


def _signed(text: str) -> str:
    return text.replace("-", "−")
