"""How runs are scored: their verifiers, beside the data that they read and the model they train.

Covers: configurations of both hosts, each size of a recipe, plain TRL files.
Does not cover: verl, whose reward is a function or a reward manager.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.responses.host_verifiers import (
    LLM_VERIFIERS,
    RL_VERIFIERS,
    HostVerifier,
)
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layers, Role
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import RlxfRun
from mindspeed_rl_ext.doctor.readers.rewards.prompts import DataHint, hint

# Recipes that notes say something of.
ZERO, COUNTDOWN = "simplerl_zero", "countdown"
_ZERO_VERIFIER = "simplerl"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*[Bb](?![a-z])")


@dataclass(frozen=True)
class Scoring:
    """How a run of a host is scored.

    Args:
        verifiers: the part with verifier_function and verifier_weight.
        role: the part with the data, the tokenizer and dataset_additional_keys.
        host: the host's own verifiers.
        data: what is known of the data.
        multimodal: whether rows have pictures.
    """

    label: ClassVar[Text] = Text("rewards of a configuration", "配置中的奖励")

    verifiers: Layers
    role: Role
    host: Mapping[str, HostVerifier]
    data: DataHint
    multimodal: bool = False

    @property
    def names(self) -> list[str]:
        """verifier_function as it is written."""
        return self.verifiers.names("verifier_function")

    @property
    def place(self) -> Place:
        """Where verifier_function is."""
        return self.verifiers.place("verifier_function")


@dataclass(frozen=True)
class ScoredPrompts:
    """Verifiers beside the prompts whose responses they score.

    Args:
        names: the verifiers, with parameters.
        place: where they are written.
        host: the host's own verifiers; empty where only ours exist.
        data: what is known of the prompts.
    """

    label: ClassVar[Text] = Text("verifiers beside the prompts", "打分器与提示")

    names: Sequence[str]
    place: Place
    host: Mapping[str, HostVerifier]
    data: DataHint


@dataclass(frozen=True)
class TrainedModel:
    """A model that is trained with verifiers.

    Args:
        path: its directory or its name on the hub.
        place: where it is named.
        recipe: the recipe of ours that the run is, "" for another.
        names: the verifiers, with parameters.
        host: the host's own verifiers; empty where only ours exist.
    """

    label: ClassVar[Text] = Text("model beside the verifiers", "模型与打分器")

    path: str
    place: Place
    recipe: str
    names: Sequence[str]
    host: Mapping[str, HostVerifier]

    @property
    def name(self) -> str:
        """The part of the path that is the model's name."""
        return name_of_model(self.path)


def scoring_of(
    run: RolloutRun | RlxfRun, datasets: Sequence[Document], packed: str | None = None
) -> Scoring | None:
    """How a host's run is scored; None where no verifier is asked.

    Args:
        run: the configuration.
        datasets: dataset YAMLs that are checked together with it.
        packed: prefix of packed files that a user names beside it.
    """
    data = hint(
        str(run.actor.get("data_path") or ""),
        datasets,
        packed=packed or "",
        prompt_type=str(run.actor.get("prompt_type") or ""),
    )
    if isinstance(run, RlxfRun):
        reward = run.roles.get("reward")
        if reward is None or not reward.get("verifier"):
            return None
        return Scoring(run.algorithm, run.actor, LLM_VERIFIERS, data)
    if not run.rl.get("rule_reward"):
        return None
    return Scoring(run.rl, run.actor, RL_VERIFIERS, data, bool(run.rl.get("is_multimodal")))


def models_of(scoring: Scoring, model: Path | None) -> Iterator[TrainedModel]:
    """The model that a run's files name, and the one that a user names beside them.

    Args:
        scoring: the run's.
        model: the user's directory.
    """
    bare = {bare_name(name) for name in scoring.names}
    recipe = ZERO if _ZERO_VERIFIER in bare else ""
    key = "tokenizer_name_or_path"
    written = str(scoring.role.get(key) or "")
    if written:
        place = scoring.role.place(key)
        yield TrainedModel(written, place, recipe, scoring.names, scoring.host)
    if model is not None and name_of_model(str(model)) != name_of_model(written):
        yield TrainedModel(str(model), scoring.place, recipe, scoring.names, scoring.host)


def bare_name(spec: str) -> str:
    """A verifier's name without its parameters."""
    return spec.split("(")[0].strip()


def name_of_model(path: str) -> str:
    """The part of a path that is a model's name.

    Example:
        >>> name_of_model("./models/Qwen2.5-Math-7B/")
        'Qwen2.5-Math-7B'
        >>> name_of_model("hub/models--Qwen--Qwen2.5-3B/snapshots/3aab1f")
        'models--Qwen--Qwen2.5-3B'
    """
    if not path:
        return ""
    parts = Path(path).parts
    if not parts or parts[-1] == "..":
        parts = Path(path).resolve().parts
    return parts[-3] if len(parts) > 2 and parts[-2] == "snapshots" else parts[-1]


def billions_of(model: str) -> float | None:
    """Parameters in billions as the model's name gives them; None where it does not.

    Example:
        >>> billions_of("Qwen2.5-0.5B-Instruct"), billions_of("tiny")
        (0.5, None)
    """
    match = _SIZE.search(model)
    return None if match is None else float(match.group(1))
