"""Our verifiers as TRL's reward functions.

Covers: one reward function per verifier, text and chat completions, an observer of each batch.
Does not cover: weights, which are `GRPOConfig(reward_weights=...)` (here they would count twice);
prompts (`packed_prompts`), metrics (`trl_metrics`). Needs no trl to be installed.

Example:
    >>> (countdown,) = reward_functions(["countdown"])
    >>> countdown.__name__
    'countdown'
    >>> countdown(
    ...     prompts=["Make 3."],
    ...     completions=["<answer>1 + 2</answer>"],
    ...     answer=['{"target":3,"numbers":[1,2]}'],
    ... )
    [1.0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.audit import audit, auditing
from mindspeed_rl_ext.core.responses.metrics import reward_key
from mindspeed_rl_ext.core.responses.rollouts import Rollout, rollout_of_columns, verdict_rows
from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
from mindspeed_rl_ext.verifiers import Outcome, Verdict, score
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.checks import resolve_all
from mindspeed_rl_ext.verifiers.measures import measures
from mindspeed_rl_ext.verifiers.spec import split_specs

__all__ = ["packed_prompts", "reward_functions"]

RewardFunction = Callable[..., "list[float | None]"]
Columns = Mapping[str, Sequence[Any]]
Observer = Callable[[Sequence[Any], Sequence[str], Columns, Mapping[str, Sequence[Verdict]]], None]

# What TRL passes beside the columns of the data set.
_NOT_COLUMNS = frozenset({"trainer_state", "log_extra", "log_metric", "environments"})


def reward_functions(
    verifiers: Sequence[str],
    *,
    answer_column: str = "answer",
    on_verdicts: Observer | None = None,
) -> list[RewardFunction]:
    """Makes `reward_funcs` for TRL's GRPOTrainer, one for each verifier, in order.

    Each returns the verifier's scores; None, which TRL reads as "skip", where the reference is
    unusable (BAD_REFERENCE). The fractions of outcomes go to TRL's log as `NAME_outcome/OUTCOME`.

    Args:
        verifiers: specs, such as `"simplerl"` or `"overlong(max_tokens=2048)"`.
        answer_column: the data set's column of reference answers.
        on_verdicts: called once per batch when all verifiers have scored it, with the prompts as
            TRL gave them, the responses as text, the columns (the data set's, and `answer`,
            `num_tokens` and the training `step` where TRL gives them), and the verdicts by
            verifier name.

    Raises:
        InputError: an unknown verifier or parameter. The functions raise it for a missing column.
    """
    bound = resolve_all(verifiers)
    specs = split_specs(verifiers) if isinstance(verifiers, str) else verifiers
    batch = _BatchObserver([one.name for one in bound], on_verdicts)
    return [
        _reward_function(one, spec, answer_column, batch)
        for one, spec in zip(bound, specs, strict=True)
    ]


class _BatchObserver:
    """Gathers the verdicts of one batch: TRL calls the reward functions one after the other."""

    def __init__(self, names: Sequence[str], on_verdicts: Observer | None) -> None:
        self._names, self._on_verdicts = set(names), on_verdicts
        self._verdicts: dict[str, list[Verdict]] = {}

    def add(
        self,
        name: str,
        verdicts: list[Verdict],
        prompts: Sequence[Any],
        responses: Sequence[str],
        columns: Columns,
    ) -> None:
        if self._on_verdicts is None and not auditing():
            return
        if name in self._verdicts:  # an earlier batch stopped half-way
            self._verdicts = {}
        self._verdicts[name] = verdicts
        if set(self._verdicts) == self._names:
            whole, self._verdicts = self._verdicts, {}
            audit(partial(_audit_rows, responses, columns, whole))
            if self._on_verdicts is not None:
                self._on_verdicts(prompts, responses, columns, whole)


def _audit_rows(
    responses: Sequence[str], columns: Columns, verdicts: Mapping[str, Sequence[Verdict]]
) -> Iterator[Rollout]:
    """The rows of a batch for the audit; TRL keeps the weights, so there is no reward."""
    for index, response in enumerate(responses):
        row = {name: column[index] for name, column in columns.items()}
        yield rollout_of_columns(response, row, verdict_rows(verdicts, index))


def _reward_function(
    bound: BoundVerifier, spec: str, answer_column: str, batch: _BatchObserver
) -> RewardFunction:
    def reward(
        prompts: Sequence[Any], completions: Sequence[Any], **given: Any
    ) -> list[float | None]:
        responses = [_response_text(completion) for completion in completions]
        columns = _columns(prompts, given, answer_column)
        _require_columns(bound, columns, answer_column)
        needed = {name: columns[name] for name in bound.columns if name in columns}
        verdicts = score(responses, verifiers=[spec], data=needed).verdicts[bound.name]
        _log_counts(bound, verdicts, given.get("log_metric"))
        batch.add(bound.name, verdicts, prompts, responses, columns)
        return [None if v.outcome is Outcome.BAD_REFERENCE else v.score for v in verdicts]

    reward.__name__ = reward.__qualname__ = bound.name
    reward.__doc__ = bound.verifier.summary.en or None
    return reward


def _columns(
    prompts: Sequence[Any], given: Mapping[str, Any], answer_column: str
) -> dict[str, Sequence[Any]]:
    columns = {
        name: values
        for name, values in given.items()
        if name not in _NOT_COLUMNS and name != "completion_ids"
    }
    columns["prompt"] = [_prompt_text(prompt) for prompt in prompts]
    if answer_column in columns:
        columns["answer"] = columns[answer_column]
    else:
        # Another column of that name is not what the caller asked for.
        columns.pop("answer", None)
    if given.get("completion_ids") is not None:
        columns["num_tokens"] = [len(ids) for ids in given["completion_ids"]]
    if given.get("trainer_state") is not None:
        # The state counts finished steps; these responses are for the next one.
        columns["step"] = [given["trainer_state"].global_step + 1] * len(prompts)
    return columns


def _require_columns(bound: BoundVerifier, columns: Mapping[str, Any], answer_column: str) -> None:
    missing = [name for name in bound.needs if name not in columns]
    if missing:
        wanted = [answer_column if name == "answer" else name for name in missing]
        raise InputError(
            f"verifier {bound.name!r} needs the column {', '.join(map(repr, wanted))}",
            found=f"columns {', '.join(sorted(columns)) or 'none'}",
            remedy="name the column of reference answers with answer_column=..."
            if "answer" in missing
            else "add the column to the data set; TRL passes every column to reward functions",
        )


def _response_text(completion: Any) -> str:
    """The text of a completion; of a chat, the assistant's last message."""
    if isinstance(completion, str):
        return completion
    replies = [message for message in completion if message.get("role") == "assistant"]
    return _content_text(replies[-1].get("content")) if replies else ""


def _prompt_text(prompt: Any) -> str:
    """The text of a prompt; of a chat, the user's last message."""
    if isinstance(prompt, str):
        return prompt
    asked = [message for message in prompt if message.get("role") == "user"]
    return _content_text(asked[-1].get("content")) if asked else ""


def _content_text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(block.get("text") or "" for block in content)


def _log_counts(
    bound: BoundVerifier,
    verdicts: Sequence[Verdict],
    log_metric: Callable[[str, float], None] | None,
) -> None:
    if log_metric is None or not verdicts:
        return
    for key, numbers in measures(bound.verifier, verdicts).items():
        if key != reward_key(bound.name):  # TRL logs the rewards itself
            log_metric(key, sum(numbers) / len(numbers))
