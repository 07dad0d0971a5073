"""How options of training and rollout engines are said in the words of verl.

Covers: checkpoints, parallel sizes, offloading, kernels, adapters.
Does not cover: options that keep their value; the tables of rows have them.
"""

from __future__ import annotations

from collections.abc import Iterable

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.recipes.migration.rows import (
    ACTOR,
    GENERATE,
    MEGATRON,
    MODEL,
    RL,
    ROLLOUT,
    SAMPLING,
    TRAINING,
    TRANSFORMER,
    VARIABLES,
    Pair,
    Source,
)


def resume_mode(source: Source) -> Iterable[Pair]:
    """Whether a run goes on from a checkpoint of verl."""
    yield "trainer.resume_mode", "disable" if source.part(TRAINING).get("finetune") else "auto"


def saved_contents(source: Source) -> Iterable[Pair]:
    """What a checkpoint holds."""
    training = source.part(TRAINING)
    held = ["model"]
    held += [] if training.get("no_save_optim") else ["optimizer"]
    held += [] if training.get("no_save_rng") else ["extra"]
    yield f"{ACTOR}.checkpoint.save_contents", held


def remove_padding(source: Source) -> Iterable[Pair]:
    """Sequences without padding."""
    value = bool(source.part(RL).get("use_remove_padding"))
    yield f"{MODEL}.use_remove_padding", value
    yield f"{MEGATRON}.use_remove_padding", value


def offload(source: Source) -> Iterable[Pair]:
    """What leaves the cards during the rollout."""
    generate = source.part(GENERATE)
    yield f"{MEGATRON}.param_offload", bool(generate.get("offload_train_param"))
    yield f"{MEGATRON}.optimizer_offload", bool(generate.get("offload_train_optimizer"))


def swap(source: Source) -> Iterable[Pair]:
    """The optimizer in the memory of the host, whatever the rollout needs."""
    if source.part(TRAINING).get("swap_optimizer"):
        yield f"{MEGATRON}.optimizer_offload", True


def experts(source: Source) -> Iterable[Pair]:
    """Expert parallelism."""
    training = source.part(TRAINING)
    size = training.size("expert_model_parallel_size")
    if training.get("moe_tp_extend_ep"):
        yield f"{MEGATRON}.expert_tensor_parallel_size", 1
        size *= training.size("tensor_model_parallel_size")
    yield f"{MEGATRON}.expert_model_parallel_size", size


def virtual_stages(source: Source) -> Iterable[Pair]:
    """Stages of one pipeline rank."""
    training = source.part(TRAINING)
    each = training.number("num_layers_per_virtual_pipeline_stage")
    layers, pipeline = training.number("num_layers"), training.size("pipeline_model_parallel_size")
    if not each:
        return
    if not layers or layers % (pipeline * each):
        raise InputError(
            f"{training.place('num_layers_per_virtual_pipeline_stage')}: the number of virtual "
            "stages can't be told",
            found=f"{layers} layers, PP {pipeline}, {each} layers per stage",
            expected="layers that PP x layers per stage divides, in the model file",
        )
    yield f"{MEGATRON}.virtual_pipeline_model_parallel_size", layers // (pipeline * each)


def uneven_stages(source: Source) -> Iterable[Pair]:
    """Layers of the first and the last pipeline stage."""
    given = str(source.part(TRAINING).get("num_layer_list") or "")
    layers = [int(part) for part in given.replace("[", "").replace("]", "").split(",") if part]
    if len(set(layers[1:-1])) > 1:
        source.notes.append(
            Text(
                f"num_layer_list {given} has no counterpart: Megatron-core's stages between the "
                "first and the last are equal",
                f"num_layer_list {given} 没有对应：Megatron-core 的中间各段必须相等",
            )
        )
        return
    if len(set(layers)) > 1:
        yield f"{TRANSFORMER}.num_layers_in_first_pipeline_stage", layers[0]
        yield f"{TRANSFORMER}.num_layers_in_last_pipeline_stage", layers[-1]


def fusions(source: Source) -> Iterable[Pair]:
    """Kernels of CUDA, off."""
    training = source.part(TRAINING)
    for key in ("masked_softmax_fusion", "gradient_accumulation_fusion"):
        if training.has(f"no_{key}"):
            yield f"{TRANSFORMER}.{key}", not training.get(f"no_{key}")


def lora(source: Source) -> Iterable[Pair]:
    """Low-rank adapters."""
    training = source.part(TRAINING)
    names = {"rank": "lora_r", "alpha": "lora_alpha", "target_modules": "lora_target_modules"}
    for verl, key in names.items():
        value = training.get(key)
        if value is not None:
            yield f"{MODEL}.lora.{verl}", value


def hccl_buffer(source: Source) -> Iterable[Pair]:
    """The buffer of a transfer."""
    yield f"{VARIABLES}.HCCL_BUFFSIZE", str(source.part(RL).get("hccl_buffersize"))


def rollout_pipeline(source: Source) -> Iterable[Pair]:
    """PP of the rollout."""
    yield (
        f"{ROLLOUT}.pipeline_model_parallel_size",
        source.part(GENERATE).size("infer_pipeline_parallel_size"),
    )


def rollout_experts(source: Source) -> Iterable[Pair]:
    """EP of the rollout."""
    generate = source.part(GENERATE)
    size = generate.size("infer_expert_parallel_size")
    if source.run.is_moe:
        yield f"{ROLLOUT}.expert_parallel_size", size


def sampling_seed(source: Source) -> Iterable[Pair]:
    """The seed of the rollout."""
    yield f"{ROLLOUT}.seed", source.part(SAMPLING).get("seed")
