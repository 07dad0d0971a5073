"""What config.json says of a model and what will load the checkpoint has no option for.

Covers: scaling of positions, sliding windows, routing, soft caps.
Does not cover: what the conversion refuses (`refused`, `required` of a family).
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.rope import rope_scaling
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE
from mindspeed_rl_ext.checkpoint.mapping.targets import Convention

_OF_HOSTS = ("dynamic", "longrope", "su")
_SCALINGS = ("linear", "llama3", "yarn", *_OF_HOSTS)
# Megatron core has the factor of Llama 3.1's scaling as an option, and these as constants.
_LLAMA3 = {
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
_SOFT_CAPS = ("attn_logit_softcapping", "final_logit_softcapping")


def missing_options(model: Model, convention: Convention) -> Iterator[str]:
    """Settings of config.json that a loader of this convention can't be told, in words."""
    core = convention.dialect == CORE
    yield from _scaling(model, convention, core)
    config, sizes = model.sizes.config, model.sizes
    if core and sizes.experts and "router_bias" in sizes.options and not _normalised(model):
        yield f"norm_topk_prob={config['norm_topk_prob']} with scores of a sigmoid"
    if core:
        yield from (f"{key}={config[key]}" for key in _SOFT_CAPS if config.get(key))
    some = sizes.window and len(sizes.window_layers) < sizes.layers
    hosts_own = model.spec.args_of(config).get("interleave_sliding_window")
    if some and not core and not hosts_own:
        yield f"sliding_window={sizes.window} in some layers only"


def _scaling(model: Model, convention: Convention, core: bool) -> Iterator[str]:
    scaling = rope_scaling(model.sizes.config)
    kind = scaling.get("type")
    shown = f"rope scaling {kind!r}"
    no_yarn = kind == "yarn" and not (model.spec.mla or convention.yarn)
    if kind is None:
        return
    if kind not in _SCALINGS or (core and (no_yarn or kind in _OF_HOSTS)):
        yield shown
    elif core and kind == "llama3":
        changed = (key for key, constant in _LLAMA3.items() if scaling.get(key) != constant)
        yield from (f"{key}={scaling.get(key)} of {shown}" for key in changed)
    if scaling.get("attention_factor") is not None:
        yield f"attention_factor={scaling['attention_factor']} of {shown}"


def _normalised(model: Model) -> bool:
    return bool(model.sizes.config.get("norm_topk_prob", True))
