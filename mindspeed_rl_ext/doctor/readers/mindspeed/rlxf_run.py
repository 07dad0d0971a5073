"""A rlxf configuration of MindSpeed-LLM (Feb 2025, 2.0) as its roles read it.

Covers: role over training over model, unknown keys (InputError), the model file.
Does not cover: what is wrong with it; types, which argparse reads from text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.doctor.readers.mindspeed import rlxf_keys
from mindspeed_rl_ext.doctor.readers.mindspeed.hydra import read_models
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layer, Layers, Role
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import check_type, unknown_key

DEFAULTS: dict[str, Any] = {
    "pad_to_multiple_of": 8,
    "num_samples_per_step": 1,
    "norm_epsilon": 1e-5,
    "rotary_base": 10000,
    "verifier_function": ["acc"],
    "verifier_weight": [1.0],
}
ACTOR = ("actor_rollout_ref", "actor_rollout")
REF = ("actor_rollout_ref", "ref")
ROLE_PATHS = {"actor_rollout": ACTOR, "ref": REF, "critic": ("critic",), "reward": ("reward",)}
# What divides something; the rest argparse checks.
_NUMBER_NAMES = """
    global_batch_size micro_batch_size ppo_mini_batch_size num_samples_per_step
    max_prompt_length seq_length num_gpus_for_train num_gpus_for_infer
    tensor_model_parallel_size pipeline_model_parallel_size pad_to_multiple_of
    n_samples_per_prompt train_iters save_interval num_layers hidden_size num_attention_heads
    padded_vocab_size max_position_embeddings
"""
NUMBERS = frozenset(_NUMBER_NAMES.split())


@dataclass(frozen=True)
class RlxfRun:
    """One configuration.

    Args:
        document: the YAML.
        models: the tables of the model files, by name, with their documents.
        roles: each role that is there.
        algorithm: the part of that name.
    """

    label: ClassVar[Text] = Text(
        "rlxf configuration of MindSpeed-LLM", "MindSpeed-LLM 的 rlxf 配置"
    )

    document: Document
    models: dict[str, Document]
    roles: dict[str, Role]
    algorithm: Layers

    @property
    def actor(self) -> Role:
        """actor_rollout over training over the model."""
        return self.roles["actor_rollout"]

    def pool(self, role: str) -> list[int] | None:
        """Cards of a role, node by node; None where they are not given as numbers."""
        value = self.document.table("resource_pool").get(role)
        if not isinstance(value, list) or not all(isinstance(item, int) for item in value):
            return None
        return value


def load_rlxf(document: Document) -> RlxfRun:
    """Reads the roles.

    Raises:
        InputError: an unknown key, no actor, a model file that is not there.
    """
    _check_keys(document)
    models = read_models(document)
    for name, model in models.items():
        _check_flags(model, (name,))
    roles = {
        role: _role(document, models, path)
        for role, path in ROLE_PATHS.items()
        if document.table(*path)
    }
    if "actor_rollout" not in roles:
        raise InputError(
            f"{document.path} has no actor_rollout_ref.actor_rollout",
            found=", ".join(document.value),
            expected="the parts training, actor_rollout_ref, reward, algorithm, resource_pool",
        )
    algorithm = Layers((Layer(document, ("algorithm",)),), DEFAULTS)
    return RlxfRun(document, models, roles, algorithm)


def _check_keys(document: Document) -> None:
    known = {**dict.fromkeys(rlxf_keys.TOP), "hydra": None}
    for part in document.value:
        if part not in known and nearest(part, known).startswith("did"):
            raise unknown_key(document, (part,), known)
    for path in (("training",), *ROLE_PATHS.values()):
        _check_flags(document, path)
    for part, keys in (
        ("algorithm", rlxf_keys.ALGORITHM),
        ("resource_pool", rlxf_keys.RESOURCE_POOL),
    ):
        for key in document.table(part):
            if key not in keys:
                raise unknown_key(document, (part, str(key)), keys)
    for key, kind in (("verifier_function", "names"), ("verifier_weight", "numbers")):
        check_type(document, ("algorithm", key), document.table("algorithm").get(key), kind)


def _check_flags(document: Document, path: tuple[str, ...]) -> None:
    for key, value in document.table(*path).items():
        name = str(key).replace("-", "_")
        if name in NUMBERS:
            check_type(document, (*path, str(key)), value, "whole")
        # has_labels has a finding of its own; a false key never becomes a flag.
        if name not in rlxf_keys.FLAGS | {"model", "has_labels"} and value is not False:
            raise unknown_key(document, (*path, str(key)), rlxf_keys.FLAGS)


def _role(document: Document, models: dict[str, Document], path: tuple[str, ...]) -> Role:
    layers = [Layer(document, path), Layer(document, ("training",))]
    model = document.table(*path).get("model")
    if model is not None:
        check_type(document, (*path, "model"), model, "text")
        if model not in models:
            raise InputError(
                f"{document.place(*path, 'model')}: the model {model!r} is not loaded",
                found=f"defaults load {', '.join(models) or 'no model'}",
                remedy=f"name it under defaults: - model:; {nearest(str(model), models)}",
            )
        layers.append(Layer(models[model], (model,)))
    return Role(tuple(layers), DEFAULTS)
