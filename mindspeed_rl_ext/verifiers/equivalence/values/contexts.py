r"""The arithmetic that numeric values are worked out in: 15 digits here, or many with mpmath.

Covers: one table of functions and constants for each. mpmath comes with sympy (extra `[verify]`);
where it is not installed `many_digits` is None.
Does not cover: trees; `numeric` does.
"""

from __future__ import annotations

import cmath
import math
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from importlib.util import find_spec
from typing import Any, NamedTuple

# The digits that have to agree, and those that are worked out.
DIGITS = 50
_WORKING_DIGITS = 70
_FLOAT_DIGITS = 11
_MAX_GAMMA = 200
_MAX_ZETA = 100


class Context(NamedTuple):
    """An arithmetic.

    Args:
        digits: how many digits of a value stand.
        number: makes a number of a fraction.
        constants: the values of `\\pi`, `e` and `i`.
        functions: by name; each takes numbers of this arithmetic.
        smallest: below this, and beside a number near one, a value hides from the digits.
        largest: the same on the other side.
    """

    digits: int
    number: Callable[[Fraction], Any]
    constants: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    smallest: float
    largest: float


def _factorial(value: complex) -> complex:
    if value.imag or value.real != int(value.real) or not 0 <= value.real <= 20:
        raise ValueError("no small whole number")
    return complex(math.factorial(int(value.real)))


FLOATS = Context(
    digits=_FLOAT_DIGITS,
    number=lambda value: complex(float(value)),
    constants={r"\pi": complex(math.pi), "e": complex(math.e), "i": 1j},
    functions={
        r"\sin": cmath.sin, r"\cos": cmath.cos, r"\tan": cmath.tan, r"\ln": cmath.log,
        r"\exp": cmath.exp, "abs": abs, r"\arctan": cmath.atan, r"\arcsin": cmath.asin,
        r"\arccos": cmath.acos, r"\sinh": cmath.sinh, r"\cosh": cmath.cosh, r"\tanh": cmath.tanh,
        r"\sec": lambda z: 1 / cmath.cos(z), r"\csc": lambda z: 1 / cmath.sin(z),
        r"\cot": lambda z: cmath.cos(z) / cmath.sin(z), r"\lg": cmath.log10,
        "sqrt": cmath.sqrt, "factorial": _factorial,
    },
    smallest=1e-4,
    largest=1e7,
)  # fmt: skip

# mpmath keeps its precision in the context while it works: each thread has one of its own.
_local = threading.local()


def many_digits() -> Context | None:
    """The arithmetic of mpmath; None where it is not installed.

    Example:
        >>> context = many_digits()
        >>> context is None or str(context.functions["sqrt"](context.number(Fraction(4))))
        '2.0'
    """
    if not hasattr(_local, "context"):
        _local.context = _made() if find_spec("mpmath") else None
    found: Context | None = _local.context
    return found


def _made() -> Context:
    import mpmath

    work = mpmath.mp.clone()
    work.dps = _WORKING_DIGITS

    def bounded(name: str, most: int) -> Callable[[Any], Any]:
        def function(value: Any) -> Any:
            if work.im(value) or abs(value) > most:
                raise ValueError("too large to work out")
            return getattr(work, name)(value)

        return function

    def binomial(top: Any, below: Any) -> Any:
        if max(abs(top), abs(below)) > _MAX_GAMMA:
            raise ValueError("too large to work out")
        return work.binomial(top, below)

    same = ("sin", "cos", "tan", "sec", "csc", "cot", "exp", "ln", "sinh", "cosh", "tanh")
    functions = {f"\\{name}": getattr(work, name) for name in same}
    functions |= {
        f"\\arc{name}": getattr(work, f"a{name}")
        for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")
    }
    return Context(
        digits=DIGITS,
        number=lambda value: work.mpf(value.numerator) / value.denominator,
        constants={r"\pi": +work.pi, "e": +work.e, "i": work.j},
        functions=functions
        | {
            "abs": abs,
            "sqrt": work.sqrt,
            "floor": lambda value: work.floor(work.re(value)),
            "ceil": lambda value: work.ceil(work.re(value)),
            r"\lg": lambda value: work.ln(value) / work.ln(10),
            "factorial": bounded("factorial", _MAX_GAMMA),
            "factorial2": bounded("fac2", _MAX_GAMMA),
            "zeta": bounded("zeta", _MAX_ZETA),
            "binom": binomial,
            r"\max": lambda *values: max(values),
            r"\min": lambda *values: min(values),
        },
        smallest=1e-12,
        largest=1e12,
    )
