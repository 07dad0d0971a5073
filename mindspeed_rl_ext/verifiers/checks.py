"""What is checked before a batch is scored: verifiers, weights, columns.

Covers: every mistake of the caller, named before the first response is scored.
Does not cover: faults of a verifier; those are verdicts of single responses.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers.api import BoundVerifier, resolve
from mindspeed_rl_ext.verifiers.spec import split_specs


def resolve_all(verifiers: Sequence[str]) -> list[BoundVerifier]:
    """Resolves specs, refusing two of the same name: their metrics could not be told apart."""
    specs = split_specs(verifiers) if isinstance(verifiers, str) else list(verifiers)
    bound = [resolve(spec) for spec in specs]
    if not bound:
        raise InputError("no verifier is given", remedy='for example verifiers=["simplerl"]')
    twice = sorted(name for name, count in Counter(b.name for b in bound).items() if count > 1)
    if twice:
        raise InputError(
            f"verifier {twice[0]!r} is given twice",
            found=", ".join(map(str, specs)),
            expected="each name once: metrics carry the bare name",
            remedy="leave one out, or register a second function under another name",
        )
    return bound


def check_weights(weights: Sequence[float] | None, bound: Sequence[BoundVerifier]) -> list[float]:
    """One weight per verifier, 1 each where none are given; raises InputError otherwise."""
    if weights is None:
        return [1.0] * len(bound)
    if len(weights) != len(bound):
        raise InputError(
            "verifiers and weights differ in number",
            found=f"{len(bound)} verifiers, {len(weights)} weights",
            expected="one weight per verifier",
            remedy="add or remove weights",
        )
    factors = [float(weight) for weight in weights]
    if not all(map(math.isfinite, factors)):
        raise InputError(
            "a weight is not a finite number",
            found=", ".join(map(str, factors)),
            expected="finite numbers, such as 0.5",
            remedy="correct the weights",
        )
    return factors


def check_columns(
    responses: Sequence[str],
    answers: Sequence[Any] | None,
    data: Mapping[str, Sequence[Any]],
    bound: Sequence[BoundVerifier],
) -> dict[str, Sequence[Any]]:
    """The columns by name, `answer` among them; raises InputError for what cannot be scored."""
    columns = dict(data) if answers is None else {**data, "answer": answers}
    for one in bound:
        for need in one.needs:
            if need not in columns:
                raise InputError(
                    f"verifier {one.name!r} needs the column {need!r}",
                    found=f"columns {', '.join(sorted(columns)) or 'none'}",
                    remedy=f"pass {'answers' if need == 'answer' else f'data[{need!r}]'}",
                )
    for name, column in columns.items():
        if len(column) != len(responses):
            raise InputError(
                f"column {name!r} and the responses differ in length",
                found=f"{len(column)} values, {len(responses)} responses",
                expected="one value per response",
                remedy="pass columns of one batch",
            )
    for index, response in enumerate(responses):
        if not isinstance(response, str):
            raise InputError(
                f"response {index} is not text",
                found=type(response).__name__,
                expected="a decoded string",
                remedy="decode the tokens first",
            )
    return columns
