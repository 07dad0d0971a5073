"""A TRL whose methods have other names or parameters is refused before a training starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra [train] brings TRL")

import trl

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.integrations.trl_probe import (
    checked_callback,
    overridden_methods,
    require_attributes,
    trainer_class,
)
from mindspeed_rl_ext.recipes.training.stages.grpo import grpo_trainer_class
from mindspeed_rl_ext.recipes.training.stages.sft import sft_trainer_class
from mindspeed_rl_ext.recipes.training.trainer.compacted import CompactedSampling
from mindspeed_rl_ext.recipes.training.trainer.groups import CountedGrpo
from mindspeed_rl_ext.recipes.training.trainer.guarded import GuardedTraining
from mindspeed_rl_ext.recipes.training.trainer.trimmed import TrimmedLogProbs

MIXINS = (CountedGrpo, TrimmedLogProbs, CompactedSampling)


def newer_trl(**changes: Any) -> type:
    """A GRPOTrainer of a TRL to come: without the methods that are None, with the others."""
    theirs = {name: getattr(trl.GRPOTrainer, name) for name in names_overridden()}
    kept = {name: one for name, one in {**theirs, **changes}.items() if one is not None}
    return type("GRPOTrainer", (), kept)


def names_overridden() -> list[str]:
    return sorted({one.name for one in overridden_methods(MIXINS)})


def test_the_installed_trl_fits() -> None:
    assert issubclass(grpo_trainer_class(), trl.GRPOTrainer)
    assert issubclass(sft_trainer_class(), trl.SFTTrainer)


def test_every_method_of_ours_that_trl_has_too_is_declared() -> None:
    for mixin in (*MIXINS, GuardedTraining):
        shared = {
            name
            for kind in mixin.__mro__[:-1]
            for name, member in vars(kind).items()
            if callable(member) and hasattr(trl.GRPOTrainer, name) and not hasattr(object, name)
        }
        assert shared == {one.name for one in overridden_methods([mixin])}


@pytest.mark.parametrize("name", names_overridden())
def test_a_method_that_a_release_renamed_is_named(name: str) -> None:
    with pytest.raises(InputError) as caught:
        trainer_class("Ours", MIXINS, newer_trl(**{name: None}))
    printed = str(caught.value)
    assert f"no method GRPOTrainer.{name}" in printed
    assert "1.14 and 1.16" in printed
    assert "pip install" in printed
    assert trl.__version__ in printed


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"_calculate_rewards": lambda self, prompts, completions: 0}, "no parameter inputs"),
        (
            {"_calculate_rewards": lambda self, prompts, inputs, completions: 0},
            "another order",
        ),
        (
            {"_generate_and_score_completions": lambda self, inputs, sampler: 0},
            "the parameter sampler is required",
        ),
        (
            {"_get_per_token_logps_and_entropies": lambda self, model, batch: 0},
            "no parameter input_ids",
        ),
    ],
)
def test_other_parameters_are_named(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        trainer_class("Ours", MIXINS, newer_trl(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"_calculate_rewards": lambda self, inputs, prompts, completions, ids, more: 0},
        {"_generate_and_score_completions": lambda self, inputs, sampler=None: 0},
        {"_get_per_token_logps_and_entropies": lambda self, model, *args, **kwargs: 0},
        {"_generate": lambda self, prompts, images: 0},
    ],
)
def test_parameters_that_ours_passes_on_do_not_matter(changes: dict[str, Any]) -> None:
    assert trainer_class("Ours", MIXINS, newer_trl(**changes))


def test_losses_without_their_kernel_are_refused_before_the_first_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import trl.trainer.utils as losses

    monkeypatch.setattr(losses, "_ChunkedLogProbFunction", None, raising=False)
    with pytest.raises(InputError, match="triton is not installed"):
        sft_trainer_class()


def test_an_attribute_that_is_gone_is_named() -> None:
    trainer = object.__new__(grpo_trainer_class())
    trainer._metrics = {}
    with pytest.raises(InputError, match="GRPOTrainer has no _steps_done"):
        require_attributes(trainer, ("_metrics", "_steps_done"))


def test_a_hook_that_transformers_does_not_know_is_named() -> None:
    class Ours:
        def on_gradients_clipped(self) -> None: ...

    with pytest.raises(InputError, match="no hook on_gradients_clipped"):
        checked_callback(Ours)


def test_training_stops_before_it_starts_under_an_unknown_trl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(trl.GRPOTrainer, "_generate_and_score_completions")
    output = tmp_path / "run"
    assert main(["train", "--config", "countdown", "--output", str(output)]) == 2
    assert "GRPOTrainer._generate_and_score_completions" in capsys.readouterr().err
    assert not output.exists()


def test_rewards_that_trl_no_longer_asks_for_are_an_error_not_an_empty_count() -> None:
    class Base:
        def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
            return {"num_items_in_batch": 1}

    class Ours(CountedGrpo, Base):
        pass

    with pytest.raises(InputError, match="_calculate_rewards is not called any more"):
        object.__new__(Ours)._scored([])
