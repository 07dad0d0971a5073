r"""The conventions of equivalence, explicit because mathematics does not settle them.

Covers: what a user may turn. Does not cover: mathematics itself (unreduced fractions, decimals,
order in tuples), which no policy changes.

| field | default | the other choice |
|---|---|---|
| `optional_units` | `5 \text{ cm}`, `\$5`, `5^\circ`, `5\%` equal `5` | they do not |
| `ignore_case` | `\text{Navin}` equals `navin` | it does not |
| `unordered_lists` | `1, 2` equals `2, 1`; with the same multiplicities | it does not |
| `relation_is_interval` | `1 < x \le 2` equals `(1, 2]` | it does not |
| `bare_tuples` | `3, 2` and `p = 3, q = 2` equal `(3, 2)` | they do not |
| `evaluated` | `any`: every equal expression | `as_reference`, `strict`: none less worked out |
| `symbolic` | an undecided pair goes to sympy in a worker | it is UNPARSEABLE |
| `max_chars` | a longer prediction or reference is UNPARSEABLE | any bound |

What is less worked out than its reference is RESTATED (`evaluated` has the table of what counts).
Units of one dimension convert (`5 km` is `5000 m`); others are never equal (`5\%` and `5^\circ`),
nor is a percentage the number it stands for (`50\%` and `0.5`): the reference says which of the
two is asked for. A rounded number equals only itself, unless it has 12 digits. A modulus is
optional as a unit is. Names that stand in an exponent's base or in a logarithm stand for positive
numbers, and n, k, m, N under a root for whole ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Evaluated = Literal["any", "as_reference", "strict"]


@dataclass(frozen=True)
class Policy:
    """Conventions of equivalence; see the table of this module."""

    optional_units: bool = True
    ignore_case: bool = True
    unordered_lists: bool = True
    relation_is_interval: bool = True
    bare_tuples: bool = True
    symbolic: bool = True
    evaluated: Evaluated = "any"
    max_chars: int = 4000


DEFAULT = Policy()
