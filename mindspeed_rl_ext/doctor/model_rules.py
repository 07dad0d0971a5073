"""R7 and I1: the model's YAML beside the HuggingFace config.json, or beside the model's name.

Covers: rotary base, positions, epsilon, tied embeddings, vocabulary, sizes, experts; the names of
Qwen2.5 models, whose rotary bases differ. Does not cover: scaled rotary positions (YaRN).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.layers import Layers

# Key of the YAML to keys of config.json that mean the same.
SIZES: Mapping[str, tuple[str, ...]] = {
    "num_layers": ("num_hidden_layers",),
    "hidden_size": ("hidden_size",),
    "ffn_hidden_size": ("intermediate_size",),
    "num_attention_heads": ("num_attention_heads",),
    "num_experts": ("num_experts", "num_local_experts", "n_routed_experts"),
    "moe_ffn_hidden_size": ("moe_intermediate_size",),
    "kv_channels": ("head_dim",),
}
# Name of a model, what is special of it: rotary base, positions, the model of ours.
KNOWN_MODELS = (
    (re.compile(r"Qwen2\.?5[-_]Math[-_](1\.5|7|72)B", re.I), 10000, 4096, "qwen25-math-7b"),
    (re.compile(r"Qwen2\.?5[-_](0\.5|1\.5|3|7|14|32|72)B", re.I), 1000000, 32768, "qwen25-7b"),
)
# Values that differ between the dense part and the experts of a model.
_EXPERT_KEYS = ("ffn_hidden_size",)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model; the text part of a multimodal one.

    Raises:
        InputError: none there, or no JSON table.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"no config.json in {folder}",
            found="no such directory" if not folder.is_dir() else "a directory without it",
            remedy="give the HuggingFace directory of the model",
        )
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON", found=str(error), remedy="copy it again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a JSON object", found=type(content).__name__)
    inner = content.get("text_config")
    return {**content, **inner} if isinstance(inner, dict) else content


def against_config(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    """R7: every value that both have."""
    if role.number("num_layers") is None:
        model_type = config.get("model_type", "?")
        yield Finding("R7-no-sizes", role.place("model"), {"model_type": model_type})
        return
    found = [
        *_sizes(role, config),
        *_groups(role, config),
        *_rotary(role, config),
        *_epsilon(role, config),
        *_tied(role, config),
        *_vocabulary(role, config),
    ]
    yield from found
    if not found:
        count = sum(any(key in config for key in keys) for keys in SIZES.values()) + 5
        yield Finding("R7-same", role.place("num_layers"), {"count": count})


def _theirs(config: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, Any] | None:
    return next(((k, config[k]) for k in keys if config.get(k) is not None), None)


def _differs(role: Layers, key: str, ours: Any, hf_key: str, theirs: Any) -> Finding:
    spelled = str(theirs).lower() if isinstance(theirs, bool) else theirs
    values = {"key": key, "ours": ours, "theirs": spelled, "hf_key": hf_key}
    return Finding("R7-differs", role.place(key), values)


def _sizes(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    for key, keys in SIZES.items():
        ours, theirs = role.number(key), _theirs(config, keys)
        if ours is None or theirs is None or ours == theirs[1]:
            continue
        if key in _EXPERT_KEYS and config.get("moe_intermediate_size") == ours:
            continue
        yield _differs(role, key, ours, *theirs)


def _groups(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    if role.get("multi_latent_attention") or role.get("multi_head_latent_attention"):
        return
    heads, theirs = config.get("num_attention_heads"), config.get("num_key_value_heads")
    theirs = theirs if theirs is not None else heads
    grouped = role.get("group_query_attention")
    ours = role.number("num_query_groups") if grouped else role.number("num_attention_heads")
    if ours is not None and theirs is not None and ours != theirs:
        yield _differs(role, "num_query_groups", ours, "num_key_value_heads", theirs)


def rope_of(config: Mapping[str, Any]) -> tuple[str, float] | None:
    """The rotary base of a config.json: transformers 5 moved it into rope_parameters."""
    if isinstance(config.get("rope_theta"), int | float):
        return "rope_theta", float(config["rope_theta"])
    inner = config.get("rope_parameters")
    if isinstance(inner, dict) and isinstance(inner.get("rope_theta"), int | float):
        return "rope_parameters.rope_theta", float(inner["rope_theta"])
    return None


def _rotary(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    theirs, ours = rope_of(config), role.number("rotary_base")
    if theirs and ours is not None and float(ours) != theirs[1]:
        values = {"ours": ours, "theirs": f"{theirs[1]:g}", "hf_key": theirs[0]}
        values["theirs"] = str(int(theirs[1])) if theirs[1].is_integer() else values["theirs"]
        yield Finding("R7-rope", role.place("rotary_base"), values)
    length, most = role.number("max_position_embeddings"), config.get("max_position_embeddings")
    # Qwen2.5-7B says 131072 since it can be scaled; it was trained for 32768.
    if length is not None and most is not None and length > most:
        values = {"ours": length, "theirs": most}
        yield Finding("R7-positions", role.place("max_position_embeddings"), values)


def _epsilon(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    ours, theirs = role.number("norm_epsilon"), _theirs(config, ("rms_norm_eps", "layer_norm_eps"))
    if theirs and ours is not None and float(ours) != float(theirs[1]):
        given = role.has("norm_epsilon")
        values = {"ours": ours, "theirs": theirs[1], "hf_key": theirs[0]}
        values |= {"default": "" if given else ", Megatron's default"}
        values |= {"default_zh": "" if given else "（Megatron 默认值）"}
        yield Finding("R7-epsilon", role.place("norm_epsilon"), values)


def _tied(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    theirs = config.get("tie_word_embeddings")
    untied = bool(role.get("untie_embeddings_and_output_weights"))
    if isinstance(theirs, bool) and theirs == untied:
        key = "untie_embeddings_and_output_weights"
        spelled = str(untied).lower()
        yield _differs(
            role, key, spelled, f"tie_word_embeddings: {str(theirs).lower()}", not theirs
        )


def _vocabulary(role: Layers, config: Mapping[str, Any]) -> Iterator[Finding]:
    theirs, ours = config.get("vocab_size"), role.number("padded_vocab_size")
    if theirs is None or ours is None or ours == theirs:
        return
    each = role.size("make_vocab_size_divisible_by") * role.size("tensor_model_parallel_size")
    values = {"ours": ours, "theirs": theirs, "padded": -(-theirs // each) * each}
    rule = "R7-vocab" if ours < theirs else "R7-vocab-padding"
    if rule == "R7-vocab" or ours != values["padded"]:
        yield Finding(rule, role.place("padded_vocab_size"), values)


def against_name(role: Layers) -> Iterator[Finding]:
    """I1: a directory that is named after a model, beside the YAML of another one."""
    rope, positions = role.number("rotary_base"), role.number("max_position_embeddings")
    if not role.has("rotary_base") or rope is None or positions is None:
        return
    for key in ("tokenizer_name_or_path", "load"):
        path = str(role.get(key) or "")
        known = next(((m, r) for r in KNOWN_MODELS if (m := r[0].search(path))), None)
        if known is None:
            continue
        match, (_, base, most, ours) = known
        if float(rope) != base or (base == 10000 and positions > most):
            values = {"path": path, "model": match.group(), "rope": base, "positions": most}
            values |= {"ours_rope": rope, "ours_positions": positions, "remedy": ours}
            yield Finding("I1", role.place(key), values)
            return
