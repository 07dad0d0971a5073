"""verl's engines: Megatron, the model's sizes, what Ascend NPUs need.

Covers: config.json beside the parallel sizes; environment variables that the script exports.
Does not cover: variables that a runtime_env sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.verl.run import VerlRun
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.doctor.rules.verl.batches import ACTOR, ROLLOUT
from mindspeed_rl_ext.doctor.rules.verl.lengths import MODEL

STRATEGY = f"{ACTOR}.strategy"
BUCKET = f"{ROLLOUT}.checkpoint_engine.update_weights_bucket_megabytes"
COMPILE = (f"{ACTOR}.use_torch_compile", f"{ACTOR}.fsdp_config.use_torch_compile")
FP32_BYTES, MIB = 4, 1 << 20
# Vocabulary x hidden size of models whose embedding is larger than the default bucket.
_EMBEDDINGS = (
    (re.compile(r"Qwen2\.?5[-_](?:Math[-_]|Coder[-_])?7B", re.I), 152064 * 3584),
    (re.compile(r"Qwen3[-_]8B", re.I), 151936 * 4096),
)
# Variable to whether Megatron alone needs it.
NPU_VARIABLES = {
    "HCCL_CONNECT_TIMEOUT": False,
    "RAY_EXPERIMENTAL_NOSET_ASCEND_RT_VISIBLE_DEVICES": False,
    "CUDA_DEVICE_MAX_CONNECTIONS": True,
}

VERL_MEGATRON_CONFIG = rule(
    "verl-megatron-without-its-config",
    "error",
    on=VerlRun,
    en=(
        "strategy is megatron under the configuration of FSDP: keys of Megatron are missing, and "
        "the workers stop when they start",
        "--config-name=ppo_megatron_trainer, or model_engine=megatron",
    ),
    zh=(
        "strategy 是 megatron，而用的是 FSDP 的配置：缺少 Megatron 的键，worker 启动时报错",
        "--config-name=ppo_megatron_trainer，或 model_engine=megatron",
    ),
)
VERL_MBRIDGE_OFF = rule(
    "verl-mbridge-off",
    "error",
    on=VerlRun,
    en=(
        "megatron.use_mbridge is false, which verl 0.9 no longer supports: the workers stop when "
        "they start",
        "actor_rollout_ref.actor.megatron.use_mbridge=True",
    ),
    zh=(
        "megatron.use_mbridge 为 false，verl 0.9 已不支持：worker 启动时报错",
        "actor_rollout_ref.actor.megatron.use_mbridge=True",
    ),
)


@check(VerlRun)
def megatron(run: VerlRun) -> Iterator[Finding]:
    """Megatron is configured as Megatron."""
    named = "megatron" in run.config_name or run.has("model_engine") or run.config_name == "?"
    if run.text(STRATEGY) == "megatron" and not named and not run.is_yaml:
        yield VERL_MEGATRON_CONFIG.at(run.place(STRATEGY))
    key = f"{ACTOR}.megatron.use_mbridge"
    if run.flag(key) is False and run.version >= (0, 9):
        yield VERL_MBRIDGE_OFF.at(run.place(key))


@rule(
    "verl-parallel-size-not-divisor",
    "error",
    on=VerlRun,
    en=(
        "{what} {count} of config.json is not a multiple of {key} {size}: it fails when the model "
        "is built",
        "choose a size that divides {count}",
    ),
    zh=(
        "config.json 的 {what} {count} 不是 {key} {size} 的倍数：建模型时报错",
        "改成能整除 {count} 的值",
    ),
)
def model_sizes(run: VerlRun) -> Iterator[At]:
    """Heads, layers and experts are shared evenly."""
    pairs = (
        ("num_key_value_heads", f"{ROLLOUT}.tensor_model_parallel_size", False),
        ("num_key_value_heads", f"{ACTOR}.megatron.tensor_model_parallel_size", True),
        ("num_hidden_layers", f"{ACTOR}.megatron.pipeline_model_parallel_size", True),
        ("num_experts", f"{ACTOR}.megatron.expert_model_parallel_size", True),
    )
    for what, key, of_megatron in pairs:
        count, size = run.config.get(what), run.number(key)
        if not isinstance(count, int) or not size or (of_megatron and not run.is_megatron):
            continue
        # An engine replicates heads where they are fewer than its ranks.
        fits = count % size == 0 or (what == "num_key_value_heads" and size % count == 0)
        if not fits:
            yield at(run.place(key), what=what, count=count, key=key.split(".")[-1], size=size)


@rule(
    "verl-bucket-below-embedding",
    "error",
    on=VerlRun,
    en=(
        "the largest weight has {mib} MiB in fp32, update_weights_bucket_megabytes is {bucket}: "
        "the first update of the rollout's weights stops the run",
        BUCKET + "=4096",
    ),
    zh=(
        "最大的权重 fp32 为 {mib} MiB，而 update_weights_bucket_megabytes 是 {bucket}："
        "第一次把权重同步给推理时报错",
        BUCKET + "=4096",
    ),
)
def weight_bucket(run: VerlRun) -> Iterator[At]:
    """The largest weight fits the bucket that carries weights to the rollout."""
    size, bucket = _embedding(run), run.number(BUCKET)
    if run.npu and size and bucket and size * FP32_BYTES > bucket * MIB:
        yield at(run.place(BUCKET), mib=size * FP32_BYTES // MIB, bucket=bucket)


def _embedding(run: VerlRun) -> int | None:
    vocabulary, hidden = run.config.get("vocab_size"), run.config.get("hidden_size")
    if isinstance(vocabulary, int) and isinstance(hidden, int):
        return vocabulary * hidden
    name = run.text(MODEL)
    return next((size for pattern, size in _EMBEDDINGS if pattern.search(name)), None)


VERL_NPU_COMPILE = rule(
    "verl-npu-torch-compile",
    "warning",
    on=VerlRun,
    en=(
        "use_torch_compile is on by default; verl's scripts for FSDP on NPUs turn it off",
        COMPILE[0] + "=False",
    ),
    zh=(
        "use_torch_compile 默认打开，而 verl 的 NPU FSDP 脚本都把它关掉",
        COMPILE[0] + "=False",
    ),
)
VERL_NPU_VARIABLES = rule(
    "verl-npu-variables-unset",
    "note",
    on=VerlRun,
    en=(
        "the script does not export {keys}: without them connections may time out and devices may "
        "be hidden, where no runtime_env sets them",
    ),
    zh=("脚本没有导出 {keys}：若 runtime_env 也没有设置，可能连接超时、看不到卡",),
)


@check(VerlRun)
def npus(run: VerlRun) -> Iterator[Finding]:
    """What a script for NPUs sets."""
    if not run.npu:
        return
    given = any(run.has(key) for key in COMPILE)
    if not given and run.complete and not run.is_megatron and not run.is_other_engine:
        yield VERL_NPU_COMPILE.at(run.place(COMPILE[0]))
    wanted = [name for name, alone in NPU_VARIABLES.items() if run.is_megatron or not alone]
    unset = [name for name in wanted if name not in run.exported]
    if unset:
        yield VERL_NPU_VARIABLES.at(run.place(""), keys=", ".join(unset))
