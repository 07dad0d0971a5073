"""The models: every module here that has a `SPEC` is one.

Covers: finding a spec by name, by a host's name, or by config.json; a table is checked when it is
loaded.
Does not cover: what the specs say.

Example:
    >>> find_model("qwen25").name
    'qwen2'
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.check_spec import check_spec
from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.models.not_converted import HOST_NAMES, NOT_CONVERTED
from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.registry import Registry


def models() -> Registry[ModelSpec]:
    """All specs under their names and aliases, also of folders added to `__path__`.

    Raises:
        InputError: a table is wrong, or two families have one name.
    """
    return _models_of(tuple(__path__))


@cache
def _models_of(folders: tuple[str, ...]) -> Registry[ModelSpec]:
    registry: Registry[ModelSpec] = Registry("model type")
    for found in iter_modules(folders):
        spec = getattr(import_module(f"{__name__}.{found.name}"), "SPEC", None)
        if isinstance(spec, ModelSpec):
            check_spec(spec)
            for name in (spec.name, *spec.aliases):
                registry.register(name, spec)
    return registry


def find_model(name: str) -> ModelSpec:
    """The spec of that name or alias; InputError with the nearest names otherwise."""
    if name in HOST_NAMES:
        raise _not_converted(f"--model-type-hf {name}", HOST_NAMES[name])
    if name not in models():
        raise InputError(
            f"unknown model type {name!r}", remedy=nearest(name, ["auto", *models().names()])
        )
    return models().get(name)


def model_of_config(config: dict[str, Any]) -> ModelSpec:
    """The spec that config.json's `model_type` names.

    Raises:
        InputError: no spec has that model_type.
    """
    found = str(config.get("model_type", ""))
    known = {
        kind: models().get(name) for name in models() for kind in models().get(name).model_types
    }
    if found in NOT_CONVERTED:
        raise _not_converted(f"model_type {found!r} of config.json", found)
    if found not in known:
        raise InputError(
            f"config.json has model_type {found!r}, which is not converted",
            expected=", ".join(sorted(known)),
            remedy=nearest(found, known),
        )
    return known[found]


def _not_converted(what: str, model_type: str) -> InputError:
    return InputError(
        f"{what} is not converted",
        found=NOT_CONVERTED[model_type],
        remedy="a table in checkpoint/models would have to say how Megatron names it",
    )


def choose_model(name: str, config: dict[str, Any], add_qkv_bias: bool = False) -> ModelSpec:
    """The spec that the flags and config.json mean together.

    Args:
        name: "auto", or the value of `--model-type-hf`.
        config: config.json.
        add_qkv_bias: `--add-qkv-bias`, with which older hosts called Qwen2 `llama2`.

    Raises:
        InputError: unknown name, or flags and config.json contradict each other.

    Example:
        >>> choose_model("llama2", {"model_type": "qwen2"}, add_qkv_bias=True).name
        'qwen2'
    """
    by_config = model_of_config(config) if name == "auto" or config.get("model_type") else None
    if name == "auto":
        assert by_config is not None
        return by_config
    named = find_model(name)
    if by_config is None or named is by_config:
        return named
    if named.name == "llama" and by_config.options.get("qkv_bias") is add_qkv_bias:
        return by_config
    raise InputError(
        f"--model-type-hf {name} does not fit the model",
        found=f"config.json has model_type {config.get('model_type')!r}",
        remedy=f"--model-type-hf {by_config.name}, or leave the flag out"
        + (" (or add --add-qkv-bias)" if named.name == "llama" else ""),
    )
