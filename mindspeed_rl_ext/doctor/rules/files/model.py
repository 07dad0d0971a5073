"""The model's YAML beside the HuggingFace config.json, or beside the model's name.

Covers: rotary base, positions, epsilon, tied embeddings, vocabulary, sizes, experts; the names of
Qwen2.5 models, whose rotary bases differ. Does not cover: scaled rotary positions (YaRN).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role
from mindspeed_rl_ext.doctor.readers.model_config import ModelInUse
from mindspeed_rl_ext.doctor.rulebook import check, rule

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


MODEL_WITHOUT_SIZES = rule(
    "model-without-sizes",
    "note",
    on=ModelInUse,
    en=("config.json of {model_type} was not compared: the model's YAML has no sizes",),
    zh=("没有与 {model_type} 的 config.json 比较：模型 YAML 里没有尺寸",),
)
MODEL_VALUES_SAME = rule(
    "model-values-same",
    "ok",
    on=ModelInUse,
    en=("the model's YAML agrees with config.json in {count} values",),
    zh=("模型 YAML 与 config.json 的 {count} 个值一致",),
)


@check(ModelInUse)
def against_config(model: ModelInUse) -> Iterator[Finding]:
    """Every value that both have is the same."""
    role, config = model.role, model.config
    if role.number("num_layers") is None:
        model_type = config.get("model_type", "?")
        yield MODEL_WITHOUT_SIZES.at(role.place("model"), model_type=model_type)
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
        yield MODEL_VALUES_SAME.at(role.place("num_layers"), count=count)


def _theirs(config: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, Any] | None:
    return next(((k, config[k]) for k in keys if config.get(k) is not None), None)


MODEL_VALUE_DIFFERS = rule(
    "model-value-differs",
    "error",
    on=ModelInUse,
    en=("{key} is {ours}, config.json has {theirs} ({hf_key})", "{key}: {theirs}"),
    zh=("{key} 是 {ours}，config.json 里是 {theirs}（{hf_key}）", "{key}: {theirs}"),
)


def _differs(role: Role, key: str, ours: Any, hf_key: str, theirs: Any) -> Finding:
    spelled = str(theirs).lower() if isinstance(theirs, bool) else theirs
    values = {"key": key, "ours": ours, "theirs": spelled, "hf_key": hf_key}
    return MODEL_VALUE_DIFFERS.at(role.place(key), **values)


def _sizes(role: Role, config: Mapping[str, Any]) -> Iterator[Finding]:
    for key, keys in SIZES.items():
        ours, theirs = role.number(key), _theirs(config, keys)
        if ours is None or theirs is None or ours == theirs[1]:
            continue
        if key in _EXPERT_KEYS and config.get("moe_intermediate_size") == ours:
            continue
        yield _differs(role, key, ours, *theirs)


def _groups(role: Role, config: Mapping[str, Any]) -> Iterator[Finding]:
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


MODEL_ROTARY_BASE_DIFFERS = rule(
    "model-rotary-base-differs",
    "error",
    on=ModelInUse,
    en=(
        "rotary_base is {ours}, config.json has {theirs} ({hf_key}): checkpoints carry "
        "no rotary base, so the model loads without an error and answers wrongly",
        "rotary_base: {theirs}",
    ),
    zh=(
        "rotary_base 是 {ours}，config.json 里是 {theirs}（{hf_key}）：检查点不含 "
        "rotary base，模型能正常加载，但回复是错的",
        "rotary_base: {theirs}",
    ),
)
MODEL_POSITIONS_DIFFER = rule(
    "model-positions-differ",
    "warning",
    on=ModelInUse,
    en=(
        "max_position_embeddings is {ours}, config.json has {theirs}",
        "max_position_embeddings: {theirs}",
    ),
    zh=(
        "max_position_embeddings 是 {ours}，config.json 里是 {theirs}",
        "max_position_embeddings: {theirs}",
    ),
)


def _rotary(role: Role, config: Mapping[str, Any]) -> Iterator[Finding]:
    theirs, ours = rope_of(config), role.number("rotary_base")
    if theirs and ours is not None and float(ours) != theirs[1]:
        values = {"ours": ours, "theirs": f"{theirs[1]:g}", "hf_key": theirs[0]}
        values["theirs"] = str(int(theirs[1])) if theirs[1].is_integer() else values["theirs"]
        yield MODEL_ROTARY_BASE_DIFFERS.at(role.place("rotary_base"), **values)
    length, most = role.number("max_position_embeddings"), config.get("max_position_embeddings")
    # Qwen2.5-7B says 131072 since it can be scaled; it was trained for 32768.
    if length is not None and most is not None and length > most:
        values = {"ours": length, "theirs": most}
        yield MODEL_POSITIONS_DIFFER.at(role.place("max_position_embeddings"), **values)


MODEL_EPSILON_DIFFERS = rule(
    "model-epsilon-differs",
    "warning",
    on=ModelInUse,
    en=(
        "norm_epsilon is {ours}, config.json has {theirs} ({hf_key}): "
        "training and rollout compute slightly different models",
        "norm_epsilon: {theirs}",
    ),
    zh=(
        "norm_epsilon 是 {ours}，config.json 里是 {theirs}（{hf_key}）：训"
        "练与推理算的不是同一个模型",
        "norm_epsilon: {theirs}",
    ),
)
MODEL_EPSILON_DEFAULT = rule(
    "model-epsilon-default-differs",
    "warning",
    on=ModelInUse,
    en=(
        "norm_epsilon is not given and {ours} by Megatron's default, config.json has {theirs} "
        "({hf_key}): training and rollout compute slightly different models",
        "norm_epsilon: {theirs}",
    ),
    zh=(
        "没有写 norm_epsilon，Megatron 默认值是 {ours}，config.json 里是 {theirs}（{hf_key}）："
        "训练与推理算的不是同一个模型",
        "norm_epsilon: {theirs}",
    ),
)


def _epsilon(role: Role, config: Mapping[str, Any]) -> Iterator[Finding]:
    ours, theirs = role.number("norm_epsilon"), _theirs(config, ("rms_norm_eps", "layer_norm_eps"))
    if theirs and ours is not None and float(ours) != float(theirs[1]):
        given = MODEL_EPSILON_DIFFERS if role.has("norm_epsilon") else MODEL_EPSILON_DEFAULT
        values = {"ours": ours, "theirs": theirs[1], "hf_key": theirs[0]}
        yield given.at(role.place("norm_epsilon"), **values)


def _tied(role: Role, config: Mapping[str, Any]) -> Iterator[Finding]:
    theirs = config.get("tie_word_embeddings")
    untied = bool(role.get("untie_embeddings_and_output_weights"))
    if isinstance(theirs, bool) and theirs == untied:
        key = "untie_embeddings_and_output_weights"
        spelled = str(untied).lower()
        yield _differs(
            role, key, spelled, f"tie_word_embeddings: {str(theirs).lower()}", not theirs
        )


MODEL_VOCABULARY_TOO_SMALL = rule(
    "model-vocabulary-too-small",
    "error",
    on=ModelInUse,
    en=(
        "padded_vocab_size {ours} cannot hold vocab_size {theirs}",
        "padded_vocab_size: {padded}, as in the conversion",
    ),
    zh=(
        "padded_vocab_size {ours} 装不下 vocab_size {theirs}",
        "padded_vocab_size: {padded}，与转换时一致",
    ),
)
MODEL_VOCABULARY_PADDING_DIFFERS = rule(
    "model-vocabulary-padding-differs",
    "warning",
    on=ModelInUse,
    en=(
        "padded_vocab_size {ours} differs from vocab_size {theirs}: the checkpoint "
        "must have been converted with the same number",
        "convert with --padded-vocab-size {ours}, or write {theirs}",
    ),
    zh=(
        "padded_vocab_size {ours} 与 vocab_size {theirs} 不同：转换检查点时必须用同一个数",
        "转换时加 --padded-vocab-size {ours}，或改为 {theirs}",
    ),
)


def _vocabulary(role: Role, config: Mapping[str, Any]) -> Iterator[Finding]:
    theirs, ours = config.get("vocab_size"), role.number("padded_vocab_size")
    if theirs is None or ours is None or ours == theirs:
        return
    each = role.size("make_vocab_size_divisible_by") * role.size("tensor_model_parallel_size")
    values = {"ours": ours, "theirs": theirs, "padded": -(-theirs // each) * each}
    rule = MODEL_VOCABULARY_TOO_SMALL if ours < theirs else MODEL_VOCABULARY_PADDING_DIFFERS
    if rule == MODEL_VOCABULARY_TOO_SMALL or ours != values["padded"]:
        yield rule.at(role.place("padded_vocab_size"), **values)


@rule(
    "model-file-of-another-model",
    "error",
    on=Role,
    en=(
        "{path} is {model}, which has rotary base {rope} and {positions} positions; "
        "the model's YAML has {ours_rope} and {ours_positions}: checkpoints carry no "
        "rotary base, so it loads without an error and answers wrongly",
        "take a model file with rotary_base {rope}, such as ours: model: {remedy}",
    ),
    zh=(
        "{path} 是 {model}，rotary base 为 {rope}、位置数 {positions}；模型 YAML 里是 "
        "{ours_rope} 与 {ours_positions}：检查点不含 rotary "
        "base，能正常加载，但回复是错的",
        "换用 rotary_base 为 {rope} 的模型文件，例如我们的 model: {remedy}",
    ),
)
def against_name(role: Role) -> Iterator[At]:
    """A directory that is named after a model, beside the YAML of another one."""
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
            yield at(role.place(key), **values)
            return
