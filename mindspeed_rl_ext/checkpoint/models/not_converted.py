"""Families that hosts or Megatron-Bridge convert and this package does not: what is missing.

Covers: values of `model_type` in config.json, and the hosts' names for `--model-type-hf`.
Does not cover: families that no public table gives Megatron names for; they are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

_VISION = (
    "vision; transformers saves its text model alone (AutoModelForCausalLM), which is converted"
)
_PACKED = "one tensor of query, key and value beside norms of its own names"
# model_type -> what a table would need that rules do not have.
NOT_CONVERTED: Mapping[str, str] = {
    "mamba2": "state-space layers",
    "longcat_flash": "two attentions and two MLPs per layer, experts of no weight",
    "phimoe": "LayerNorm with biases, and a bias of the output layer",
    "bailing_moe": _PACKED,
    "bailing_moe_v2": _PACKED,
    "deepseek_v4": "compressed attention and hash routing",
    "glm_moe_dsa": "an indexer that only some layers have",
    "hy_v3": "a router and experts of names of its own",
    "plm": "an MLP without gate behind latent attention",
    "qwen3_5": _VISION,
    "qwen3_5_moe": _VISION,
}
# The name that hosts have for it -> model_type.
HOST_NAMES: Mapping[str, str] = {
    "longcat": "longcat_flash",
    "phi3.5-moe": "phimoe",
    "bailing_mini": "bailing_moe_v2",
    "deepseek4": "deepseek_v4",
    "deepseek4_base": "deepseek_v4",
    "glm5": "glm_moe_dsa",
    "HYV3": "hy_v3",
    **{name: name for name in ("mamba2", "plm")},
}
