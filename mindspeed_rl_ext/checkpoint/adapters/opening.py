"""Opening what the flags about adapters name: an adapter merged into a model, or one alone.

Covers: `--lora-load`, `--lora-r`, `--lora-alpha`, `--lora-target-modules`, `--lora-rounding` and
`--save-lora-to-hf`.
Does not cover: what an adapter is; `megatron` and `peft` read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from mindspeed_rl_ext.checkpoint.adapters.factors import HOST
from mindspeed_rl_ext.checkpoint.adapters.megatron import MegatronAdapterReader
from mindspeed_rl_ext.checkpoint.adapters.merged import Adapter, MergedReader
from mindspeed_rl_ext.checkpoint.adapters.peft import PeftAdapter, is_peft
from mindspeed_rl_ext.checkpoint.adapters.peft_format import PEFT
from mindspeed_rl_ext.checkpoint.adapters.settings import CONFIG
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.places import is_megatron_legacy
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.reader import MegatronReader
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader
from mindspeed_rl_ext.checkpoint.mapping.model import Model, read_model
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.wording import no_directory
from mindspeed_rl_ext.core.errors import InputError


class AdapterFlags(Protocol):
    """The options about an adapter."""

    @property
    def lora_load(self) -> Path | None:
        """The adapter's directory."""

    @property
    def lora_r(self) -> int | None:
        """Its rank."""

    @property
    def lora_alpha(self) -> float | None:
        """Its alpha."""

    @property
    def lora_target_modules(self) -> tuple[str, ...]:
        """The layers that it may change."""

    @property
    def lora_rounding(self) -> str:
        """How a merged weight is rounded."""


def names_adapter(flags: AdapterFlags) -> bool:
    """Whether the flags are about an adapter."""
    numbers = (flags.lora_r, flags.lora_alpha)
    given = any(number is not None for number in numbers)
    return bool(flags.lora_load or given or flags.lora_target_modules)


def with_adapter(base: CheckpointReader, flags: AdapterFlags) -> CheckpointReader:
    """The checkpoint with the adapter that the flags name; itself where they name none.

    Raises:
        InputError: no such adapter, or one that is not merged.
    """
    if not names_adapter(flags):
        return base
    if flags.lora_load is not None:
        adapter: Adapter = (
            PeftAdapter(flags.lora_load, *_values(flags))
            if is_peft(flags.lora_load)
            else _of_host(flags.lora_load, flags, "--lora-load")
        )
    elif isinstance(base, MegatronReader) and base.adapter_tensors:
        adapter = MegatronAdapterReader(base.folder, *_values(flags))
        base = base.without_adapter()
    else:
        raise InputError(
            "--lora-r, --lora-alpha and --lora-target-modules are about an adapter",
            found=f"no --lora-load, and no adapter beside the weights of {base.folder}",
            remedy="--lora-load with the adapter's directory",
        )
    return MergedReader(base, adapter, flags.lora_rounding == HOST)


def adapter_alone(options: ConvertOptions) -> MegatronAdapterReader:
    """The adapter that `--save-lora-to-hf` converts: of --lora-load, or of --load-dir as the hosts.

    Raises:
        InputError: no adapter in rank files of a host.
    """
    folder = options.lora_load or options.load_dir
    if is_peft(folder):
        raise InputError(
            f"{folder} is an adapter of PEFT already",
            expected="an adapter in rank files of a host",
            remedy="use it as it is",
        )
    found = _of_host(folder, options, "--lora-load" if options.lora_load else "--load-dir")
    if options.lora_load is not None and options.hf_cfg_dir is None:
        found.config = open_checkpoint(options.load_dir, options.load_model_type).find_config()
    return found


def _of_host(folder: Path, flags: AdapterFlags, flag: str) -> MegatronAdapterReader:
    """An adapter in rank files; InputError where the directory that a flag names has none."""
    if not folder.is_dir() or not (is_megatron_legacy(folder) or any(folder.rglob("*.distcp"))):
        raise InputError(
            f"no adapter in {folder}",
            found=no_directory(folder) or f"neither {CONFIG} nor rank files",
            expected=f"{CONFIG} of PEFT, or mp_rank_* directories of a host",
            remedy=f"check {flag}",
        )
    return MegatronAdapterReader(folder, *_values(flags))


class Exported(NamedTuple):
    """An adapter of a host and the PEFT directory made of it, opened, with their model."""

    host: MegatronAdapterReader
    peft: CheckpointReader
    model: Model


def open_exported(
    src: Path, dst: Path, hf_cfg_dir: Path | None = None, flags: AdapterFlags | None = None
) -> Exported:
    """Opens an adapter of a host and the PEFT directory that was made of it, for verifying.

    Args:
        src: rank files of the host.
        dst: the PEFT directory.
        hf_cfg_dir: config.json of the base model; by default where the PEFT adapter says it is.
        flags: rank and alpha; by default what the adapters say.

    Raises:
        InputError: one of them cannot be read, or rank or alpha differ.
    """
    written = PeftAdapter(dst, *(_values(flags) if flags else ()))
    rank, alpha = written.settings.rank, written.settings.alpha
    host = MegatronAdapterReader(src, rank, alpha)
    folder = hf_cfg_dir or written.base_folder() or host.find_config()
    if folder is None:
        raise InputError(
            "comparing adapters needs config.json of the base model",
            found=f"{dst / CONFIG} names no directory that has it",
            remedy="--hf-cfg-dir with the HuggingFace directory of the model",
        )
    return Exported(host, PEFT.open(dst), host.adapter_model(read_model(folder)))


def _values(flags: AdapterFlags) -> tuple[int | None, float | None, tuple[str, ...]]:
    return flags.lora_r, flags.lora_alpha, flags.lora_target_modules
