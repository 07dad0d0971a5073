r"""Our verifiers as verl's reward function.

Covers: the function that `custom_reward_function.path` and `.name` choose, with the signature that
verl calls: one response at a time. Which verifiers it uses comes from `reward_kwargs`.
Does not cover: batches; verl calls once a response, from whatever thread or process.

In verl's configuration:

    custom_reward_function:
      path: pkg://mindspeed_rl_ext.integrations.verl
      name: compute_score
      reward_kwargs: {verifiers: "simplerl,overlong(max_tokens=2048)", weights: [1.0, 0.2]}

Example:
    >>> compute_score("gsm8k", r"so \boxed{72.0}", "72")["score"]
    1.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers import score
from mindspeed_rl_ext.verifiers.checks import resolve_all
from mindspeed_rl_ext.verifiers.verdict import Outcome

# What a data source is scored with where the configuration names no verifier.
DEFAULT_VERIFIERS: Mapping[str, str] = {"countdown": "countdown", "math_dapo": "dapo"}
FALLBACK = "boxed_acc"


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    verifiers: str | Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    **columns: Any,
) -> dict[str, Any]:
    """Scores one response.

    Args:
        data_source: verl's name of the data set; chooses the verifier where none is named.
        solution_str: the response.
        ground_truth: the reference answer.
        extra_info: further columns of the row, `prompt` and `num_tokens` among them where needed.
        verifiers: specs, as a list or with commas between.
        weights: as many as verifiers.
        columns: columns that verl passes by keyword, which come before those of `extra_info`.

    Returns:
        `score`, which verl takes as the reward; `acc` (1.0 where every verifier that looks at the
        answer says CORRECT), and per verifier `NAME_score`, `NAME_outcome`. The same keys for
        every row, as verl wants them.

    Raises:
        InputError: an unknown verifier or a column that one needs and the row lacks.
    """
    specs = verifiers or DEFAULT_VERIFIERS.get(data_source, FALLBACK)
    bound = resolve_all(specs)
    row = {**(extra_info or {}), **columns, "answer": ground_truth}
    needed = {need for one in bound for need in one.needs}
    missing = sorted(needed - set(row))
    if missing:
        raise InputError(
            f"a verifier needs the column {missing[0]!r}, which verl does not pass",
            found=f"extra_info with {', '.join(sorted(extra_info or {})) or 'nothing'}",
            remedy="add it to extra_info when the data set is made",
        )
    result = score(
        [solution_str],
        verifiers=specs,
        weights=weights,
        data={name: [row[name]] for one in bound for name in one.columns if name in row},
    )
    verdicts = {name: found[0] for name, found in result.verdicts.items()}
    judged = [verdicts[one.name] for one in bound if "answer" in one.needs]
    said: dict[str, Any] = {
        "score": result.rewards[0],
        "acc": float(all(verdict.outcome is Outcome.CORRECT for verdict in judged)),
    }
    for name, verdict in verdicts.items():
        said[f"{name}_score"] = verdict.score
        said[f"{name}_outcome"] = verdict.outcome.value
    return said
