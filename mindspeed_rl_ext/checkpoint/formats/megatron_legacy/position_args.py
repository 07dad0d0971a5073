"""The args about positions: rotary embeddings, their scaling, sliding windows.

Covers: the names of Megatron core, with latent attention and without, and those of MindSpeed-LLM.
Does not cover: what neither has an option for; `mapping.missing_options` names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.rope import rope_scaling, rope_theta, rotary_percent
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes
from mindspeed_rl_ext.checkpoint.mapping.targets import Convention


def position_args(
    sizes: Sizes, layout: Layout, convention: Convention, mla: bool
) -> dict[str, Any]:
    """What a loader needs to know of positions.

    Args:
        sizes: the model.
        layout: its layout; noop layers count where a list has a number per layer.
        convention: what will load it.
        mla: it has latent attention.
    """
    config = sizes.config
    base = rope_theta(config)
    return {
        "position_embedding_type": "rope",
        "add_position_embedding": True,
        "use_rotary_position_embeddings": True,
        "rotary_base": int(base) if base.is_integer() else base,
        "rotary_percent": rotary_percent(config, sizes.head_dim),
        "rotary_interleaved": False,
        **(_LATENT_WITHOUT_SCALING if mla else {}),
        **_scaling(config, mla, convention.yarn),
        **_windows(sizes, layout),
    }


# Megatron core's latent attention has YaRN with a factor of 40 unless it is told otherwise.
_LATENT_WITHOUT_SCALING: Mapping[str, Any] = {"rope_type": "rope", "rotary_scaling_factor": 1.0}


def _scaling(config: Mapping[str, Any], mla: bool, yarn_embedding: bool) -> dict[str, Any]:
    scaling = rope_scaling(config)
    kind, factor = scaling.get("type"), float(scaling.get("factor") or 1.0)
    positions = (
        scaling.get("original_max_position_embeddings")
        or config.get("original_max_position_embeddings")
        or config.get("max_position_embeddings")
    )
    if kind == "linear":
        return {"rotary_seq_len_interpolation_factor": factor}
    if kind == "dynamic":
        return {"dynamic_factor": factor}
    if kind == "llama3":
        return {
            "use_rope_scaling": True,
            "rope_scaling_type": kind,
            "rope_scaling_factor": factor,
            "low_freq_factor": scaling.get("low_freq_factor"),
            "high_freq_factor": scaling.get("high_freq_factor"),
            "original_max_position_embeddings": positions,
        }
    if kind in ("longrope", "su"):
        return {
            "rope_scaling_type": "longrope",
            "longrope_freqs_type": "outer",
            "long_factor": scaling.get("long_factor"),
            "short_factor": scaling.get("short_factor"),
            "rope_scaling_original_max_position_embeddings": positions,
        }
    if kind == "yarn":
        return _yarn(scaling, positions, mla, yarn_embedding)
    return {}


def _yarn(
    scaling: Mapping[str, Any], positions: Any, mla: bool, yarn_embedding: bool
) -> dict[str, Any]:
    factor = float(scaling.get("factor") or 1.0)
    beta_fast, beta_slow = (
        float(scaling.get("beta_fast") or 32),
        float(scaling.get("beta_slow") or 1),
    )
    scales = scaling.get("mscale") or 0.0, scaling.get("mscale_all_dim") or 0.0
    # One without the other counts for nothing in transformers.
    mscale, mscale_all_dim = scales if all(scales) else (1.0, 0.0)
    hosts = {
        "rope_scaling_type": "yarn",
        "rope_scaling_factor": factor,
        "beta_fast": beta_fast,
        "beta_slow": beta_slow,
        "rope_scaling_mscale": mscale,
        "rope_scaling_mscale_all_dim": mscale_all_dim,
        "rope_scaling_original_max_position_embeddings": positions,
    }
    if mla:
        core = {
            "rope_type": "yarn",
            "rotary_scaling_factor": factor,
            "original_max_position_embeddings": positions,
            "mscale": mscale,
            "mscale_all_dim": mscale_all_dim,
        }
        return {**hosts, **core}
    core = {
        "yarn_rotary_scaling_factor": factor,
        "yarn_original_max_position_embeddings": positions,
        "yarn_beta_fast": beta_fast,
        "yarn_beta_slow": beta_slow,
        "yarn_correction_range_round_to_int": bool(scaling.get("truncate", True)),
        "yarn_mscale": mscale if all(scales) else None,
        "yarn_mscale_all_dim": mscale_all_dim if all(scales) else None,
    }
    return {**hosts, **core, **({"position_embedding_type": "yarn"} if yarn_embedding else {})}


def _windows(sizes: Sizes, layout: Layout) -> dict[str, Any]:
    if not sizes.window:
        return {"sliding_window": None, "window_size": None, "window_attn_skip_freq": None}
    everywhere = len(sizes.window_layers) == sizes.layers
    return {
        "sliding_window": sizes.window if everywhere else None,
        # Megatron counts the tokens before the one that attends.
        "window_size": (sizes.window - 1, 0),
        "window_attn_skip_freq": None
        if everywhere
        else per_slot(sizes.window_layers, sizes, layout),
    }


def per_slot(layers: frozenset[int], sizes: Sizes, layout: Layout) -> list[int]:
    """1 for each slot of the pipeline whose layer is one of these, 0 for others and noop layers."""
    slots = range(sizes.layers + len(layout.noop_layers))
    of_layers = [slot for slot in slots if slot not in layout.noop_layers]
    chosen = {of_layers[layer] for layer in layers}
    return [int(slot in chosen) for slot in slots]
