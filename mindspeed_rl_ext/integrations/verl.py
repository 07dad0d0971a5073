r"""Our verifiers as verl's reward function: for set-ups that can't load the reward manager.

Covers: the function that `reward.custom_reward_function` names, with the signature that verl calls,
one response at a time.
Does not cover: what verl does not pass to a function, such as token counts and the prompt; the
reward manager `msrl_ext` hands them on.

In verl's configuration (0.7 and later; the same key at the top level is ignored since 0.9):

    reward.custom_reward_function.path=pkg://mindspeed_rl_ext.integrations.verl
    reward.custom_reward_function.name=compute_score
    '+reward.custom_reward_function.reward_kwargs.verifiers=[simplerl,r1_format]'
    '+reward.custom_reward_function.reward_kwargs.weights=[1.0,0.2]'

Example:
    >>> compute_score("math", r"so \boxed{72.0}", "72")["score"]
    1.0
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.verifiers.by_source import (
    Row,
    Table,
    build_table,
    known_source_fields,
    known_table,
    row_fields,
    score_rows,
)

# What verl passes by keyword beside the four arguments: to a reward model's router, a sandbox.
PASSED_BY_VERL = frozenset(
    {
        "reward_router_address",
        "reward_model_tokenizer",
        "sandbox_fusion_url",
        "concurrent_semaphore",
        "memory_limit_mb",
    }
)


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    verifiers: Any = None,
    weights: Any = None,
    **columns: Any,
) -> dict[str, Any]:
    """Scores one response.

    Args:
        data_source: verl's name of the data set.
        solution_str: the response.
        ground_truth: the reference answer; of a list any member counts.
        extra_info: further columns of the row, for verifiers that need them.
        verifiers: specs, as a list or with commas between, or a table of them by data source with
            `default` for the rest; chosen by the data source where left out.
        weights: as many as verifiers, or by data source.
        columns: columns by keyword, which come before those of `extra_info`.

    Returns:
        The same keys for every row, as verl wants them: `score`, which verl takes as the reward,
        `acc` (1.0 where the answer is right), `outcome`, `reason`; where verifiers are named also
        `{name}_score` and `{name}_outcome` of each. A number that the row's source does not have
        is NaN.

    Raises:
        InputError: the configuration is wrong: an unknown verifier or keyword, weights that do not
            fit, a column that a verifier needs and verl does not pass.
    """
    table = known_table() if verifiers is None else _table(_frozen(verifiers), _frozen(weights))
    _check_keywords(table, columns)
    row = Row(data_source, solution_str, ground_truth, {**(extra_info or {}), **columns})
    _check_columns(table, row)
    if verifiers is None:
        return known_source_fields(data_source, solution_str, ground_truth, row.columns)
    return row_fields(table, score_rows(table, [row])[0], absent=math.nan)


def _frozen(value: Any) -> str:
    """A configuration as text: what tables are remembered by."""
    if value is None or isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return json.dumps({str(k): _listed(v) for k, v in value.items()})
    return json.dumps(_listed(value))


def _listed(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)


@functools.lru_cache(maxsize=64)
def _table(verifiers: str, weights: str) -> Table:
    return build_table(json.loads(verifiers), json.loads(weights))


def _check_keywords(table: Table, columns: Mapping[str, Any]) -> None:
    known = {"verifiers", "weights", *table.columns, *PASSED_BY_VERL}
    unknown = sorted(set(columns) - known)
    if unknown:
        raise InputError(
            f"reward_kwargs has an unknown key {unknown[0]!r}",
            expected="verifiers, weights, or a column that a verifier needs",
            remedy=nearest(unknown[0], known - PASSED_BY_VERL),
        )


def _check_columns(table: Table, row: Row) -> None:
    mix = table.mix_of(row.source)
    needs: set[str] = set() if mix is None else {n for one in mix.bound for n in one.needs}
    missing: Sequence[str] = sorted(needs - {"answer", *row.columns})
    if missing:
        raise InputError(
            f"a verifier needs the column {missing[0]!r}, which verl does not pass to a function",
            found=f"extra_info with {', '.join(sorted(row.columns)) or 'nothing'}",
            remedy="take the reward manager instead: reward.reward_manager.name=msrl_ext; or add "
            "the column to extra_info when the data set is made",
        )
