"""TRL's log under the names that MindSpeed-RL uses, written as metrics.jsonl.

Covers: a table of names, a pure function over one log, a callback for any transformers Trainer.
Does not cover: TRL's own trackers; names that the table lacks are kept as they are.

Example:
    >>> to_metrics({"reward": 0.5, "rewards/countdown/mean": 0.25, "learning_rate": 1e-6})
    {'grpo/rewards/mean': 0.5, 'countdown_rewards/mean': 0.25, 'actor/lr': 1e-06}
"""

# Without transformers its classes are Any to mypy.
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.integrations.trl_probe import checked_callback

TRL_NAMES: Mapping[str, str] = {
    "reward": metrics.REWARD_MEAN,
    "reward_std": "grpo/rewards/std",
    "frac_reward_zero_std": metrics.ZERO_STD_FRACTION,
    "completions/mean_length": f"{metrics.RESPONSE_LENGTH}/mean",
    "completions/min_length": f"{metrics.RESPONSE_LENGTH}/min",
    "completions/max_length": f"{metrics.RESPONSE_LENGTH}/max",
    "completions/clipped_ratio": f"{metrics.RESPONSE_LENGTH}/clip_ratio",
    "entropy": metrics.ENTROPY,
    "kl": "actor/kl_loss",
    "loss": metrics.PG_LOSS,
    "clip_ratio/region_mean": "actor/pg_clipfrac",
    "grad_norm": metrics.GRAD_NORM,
    "learning_rate": metrics.LEARNING_RATE,
    "step_time": metrics.TIME_ALL_S,
}

# The names of a supervised fine-tuning, whose loss is no policy gradient.
SFT_NAMES: Mapping[str, str] = {
    **TRL_NAMES,
    "loss": "sft/loss",
    "mean_token_accuracy": "sft/token_accuracy",
    "num_tokens": "sft/num_tokens",
}

_PER_VERIFIER = re.compile(r"rewards/(?P<verifier>.+)/(?P<statistic>mean|std)")
_EVAL = "eval_"
# The log at the end of training sums up the run; it is no step.
_SUMMARY = "train_runtime"


def to_metrics(log: Mapping[str, Any], names: Mapping[str, str] = TRL_NAMES) -> dict[str, float]:
    """One log of TRL under the host's names.

    Args:
        log: name to number. None (TRL: nothing to average) and what is no number are left out.
        names: TRL's name to ours; `SFT_NAMES` for a fine-tuning.

    Returns:
        Name to number; logs of an evaluation as `eval/NAME`; empty for the summary of a run.
    """
    if _SUMMARY in log:
        return {}
    return {
        _host_name(name, names): float(value)
        for name, value in log.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _host_name(name: str, names: Mapping[str, str]) -> str:
    if name.startswith(_EVAL):
        return f"eval/{_host_name(name[len(_EVAL) :], names)}"
    found = _PER_VERIFIER.fullmatch(name)
    if found is not None:
        mean = metrics.reward_key(found["verifier"])
        return mean if found["statistic"] == "mean" else mean.removesuffix("mean") + "std"
    return names.get(name, name)


def metrics_callback(path: str | Path, names: Mapping[str, str] = TRL_NAMES) -> Any:
    """A transformers TrainerCallback that appends each log to `path`, in the main process only.

    Args:
        path: a JSON Lines file.
        names: TRL's name to ours.

    Raises:
        MissingExtraError: transformers is not installed.
        InputError: when training starts from step 0 and the file already holds another run.
    """
    try:
        from transformers import TrainerCallback
    except ImportError as error:
        raise MissingExtraError(
            "transformers", "train", "writing metrics while training"
        ) from error

    class MetricsCallback(TrainerCallback):
        """Writes metrics.jsonl."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Refuses to mix two runs in one file."""
            if state.is_world_process_zero and state.global_step == 0:
                _require_new(Path(path))

        def on_log(
            self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any
        ) -> None:
            """Appends one row."""
            values = to_metrics(logs or {}, names)
            if values and state.is_world_process_zero:
                metrics.append_metrics(path, metrics.MetricsRow(state.global_step, values))

    return checked_callback(MetricsCallback)


def _require_new(path: Path) -> None:
    if path.exists() and path.stat().st_size:
        raise InputError(
            f"{path} holds the metrics of another run",
            found="a new run, from step 0",
            remedy="give the run a directory of its own, or remove the file",
        )
