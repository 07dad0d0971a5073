"""The answer of a GSM8K response: its last number.

Covers: signs, thousands separators, decimals.
Does not cover: fractions (`3/4` gives 4), exponents, words. Training uses the verifiers, which read
a box or a tag; this is the lenient parser of the CS336 baseline.
"""

from __future__ import annotations

import re
from collections import deque

# A minus belongs to the number unless something stands before it: in 48-24 it is an operator.
_NUMBER = re.compile(
    r"(?:(?<![\w).\]}%])[-\N{MINUS SIGN}])?"
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
)


def parse_gsm8k_response(model_output: str) -> str | None:
    """The last number of a text, without thousands separators; None where there is none.

    Example:
        >>> parse_gsm8k_response("48/2 = 24 in May, so 48+24 = $72.")
        '72'
        >>> parse_gsm8k_response("It lost 1,234.50, that is -1,234.50 in all")
        '-1234.50'
        >>> parse_gsm8k_response("I do not know.") is None
        True
    """
    last = deque(_NUMBER.finditer(model_output), maxlen=1)
    if not last:
        return None
    return last[0].group().replace(",", "").replace("\N{MINUS SIGN}", "-")
