"""A configuration of MindSpeed-RL as its trainers read it.

Covers: the parts, the model file, the hosts' defaults, unknown keys and wrong types (InputError).
Does not cover: what is wrong with it; the rules do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed import rl_keys
from mindspeed_rl_ext.doctor.readers.mindspeed.hydra import read_models
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layer, Layers, Role
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import check_part, unknown_key

# Of MegatronConfig, RLConfig and GenerateConfig, as far as rules look at them.
MEGATRON_DEFAULTS: dict[str, Any] = {
    "bf16": True,
    "norm_epsilon": 1e-5,
    "rotary_base": 10000,
    "dataset_additional_keys": [],
    "finetune": False,
    "untie_embeddings_and_output_weights": False,
    "context_parallel_algo": "ulysses_cp_algo",
}
RL_DEFAULTS: dict[str, Any] = {
    "n_samples_per_prompt": 1,
    "adv_estimator": "group_norm",
    "kl_penalty": "low_var_kl",
    "mini_batch_size": 1,
    "max_prompt_length": 512,
    "use_integrated_worker": True,
    "rule_reward": True,
    "entropy_coeff": 0.0,
    "verifier_function": ["base_acc"],
    "verifier_weight": [1.0],
    "rollout_max_tokens": 2048,
    "overlong_buffer": 0,
    "clip_ratio_low": 0.1,
    "clip_ratio_high": 0.1,
    "filter_groups_metric": "acc",
    "filter_groups_train_batch_size": 1,
    "partial_rollout_max_split": 1,
    "max_total_response_length": 0,
}
GENERATE_DEFAULTS: dict[str, Any] = {
    "infer_tensor_parallel_size": 8,
    "infer_pipeline_parallel_size": 1,
    "infer_expert_parallel_size": 1,
    "max_model_len": 2048,
    "dtype": "bfloat16",
}


@dataclass(frozen=True)
class RlRun:
    """One configuration.

    Args:
        document: the YAML.
        models: the tables of the model files, by name, with their documents.
        actor: actor_config over megatron_training over the model.
        rl: rl_config.
        generate: generate_config.
        sampling: its sampling_config.
    """

    label: ClassVar[Text] = Text("MindSpeed-RL configuration", "MindSpeed-RL 配置")

    document: Document
    models: dict[str, Document]
    actor: Role
    rl: Layers
    generate: Layers
    sampling: Layers

    def role(self, part: str) -> Role:
        """A part such as critic_config over the common values."""
        return _megatron(self.document, self.models, part)

    def npus(self, part: str = "actor_resource") -> int | None:
        """The cards of a resource."""
        value = self.document.table("rl_config", part).get("num_npus")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def roles(self) -> dict[str, Role]:
        """The models that are trained, the actor first."""
        critic = {"critic_config": self.role("critic_config")}
        return {
            "actor_config": self.actor,
            **(critic if self.document.table("critic_config") else {}),
        }

    @property
    def is_moe(self) -> bool:
        """Whether the model has experts."""
        return bool(self.actor.number("num_experts"))

    @property
    def train_parallel(self) -> int:
        """TP x PP x CP of training."""
        sizes = ("tensor_model_parallel_size", "pipeline_model_parallel_size")
        return (
            self.actor.size(sizes[0])
            * self.actor.size(sizes[1])
            * self.actor.size("context_parallel_size")
        )


class RolloutRun(RlRun):
    """A configuration with rl_config: reinforcement learning with rollouts, which DPO has not."""

    label: ClassVar[Text] = Text(
        "MindSpeed-RL configuration with rollouts", "带采样的 MindSpeed-RL 配置"
    )


def load_rl(document: Document) -> RlRun:
    """Reads the parts of a configuration.

    Raises:
        InputError: an unknown key, a wrong type, a model file that is not there.
    """
    _check_keys(document)
    models = read_models(document)
    for name, model in models.items():
        check_part(model, (name,), rl_keys.MEGATRON)
    kind = RolloutRun if document.table("rl_config") else RlRun
    return kind(
        document,
        models,
        _megatron(document, models, "actor_config"),
        Layers((Layer(document, ("rl_config",)),), RL_DEFAULTS),
        Layers((Layer(document, ("generate_config",)),), GENERATE_DEFAULTS),
        Layers((Layer(document, ("generate_config", "sampling_config")),), {}),
    )


def _check_keys(document: Document) -> None:
    for part in document.value:
        if part in rl_keys.PARTS:
            if not isinstance(document.value[part], dict):
                raise InputError(
                    f"{document.place(part)} is not a table",
                    found=repr(document.value[part]),
                    expected="a table of keys",
                )
            unread = dict.fromkeys(rl_keys.UNREAD.get(part, ()), "anything")
            check_part(document, (part,), {**rl_keys.PARTS[part], **unread})
        elif part not in rl_keys.OPEN_PARTS and nearest(part, rl_keys.PARTS).startswith("did"):
            raise unknown_key(document, (part,), rl_keys.PARTS)
    for path, kinds in rl_keys.INNER.items():
        check_part(document, path, kinds)


def _megatron(document: Document, models: dict[str, Document], part: str) -> Role:
    layers = [Layer(document, (part,)), Layer(document, ("megatron_training",))]
    named = next((x for x in (_model_of(one) for one in layers) if x), None)
    if named is None and len(models) == 1 and not document.table("rl_config"):
        named = next(iter(models))  # DPO names no model in its part
    if named is not None:
        if named not in models:
            raise InputError(
                f"{layers[0].document.place(part, 'model')}: the model {named!r} is not loaded",
                found=f"defaults load {', '.join(models) or 'no model'}",
                remedy=f"name it under defaults: - model:; {nearest(named, models)}",
            )
        layers.append(Layer(models[named], (named,)))
    return Role(tuple(layers), MEGATRON_DEFAULTS)


def _model_of(layer: Layer) -> str | None:
    value = layer.document.table(*layer.path).get("model")
    return value if isinstance(value, str) else None
