"""What is converted into what: the two formats of a conversion, and its source, opened.

Covers: formats by name or recognised; adapters merged on the way, or converted alone.
Does not cover: planning; `job` does.
"""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.adapters.opening import adapter_alone, with_adapter
from mindspeed_rl_ext.checkpoint.adapters.peft import is_peft
from mindspeed_rl_ext.checkpoint.adapters.peft_format import PEFT
from mindspeed_rl_ext.checkpoint.formats import AUTO, find_format, formats, recognise
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, CheckpointWriter, Format
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError


def formats_of(options: ConvertOptions) -> tuple[Format, Format]:
    """The source's and the destination's format.

    Raises:
        InputError: a format that is not known, or only read, or nothing to convert.
    """
    to_write = find_format(options.save_model_type)
    writer_of(to_write)
    if options.save_lora_to_hf:
        if to_write is not find_format("hf"):
            raise InputError(
                "--save-lora-to-hf writes an adapter for HuggingFace models",
                found=f"--save-model-type {options.save_model_type}",
                expected="--save-model-type hf",
            )
        return find_format("mg"), PEFT
    if is_peft(options.load_dir):
        raise InputError(
            f"{options.load_dir} is an adapter of PEFT, and no model",
            remedy="--load-dir with its base model and --lora-load with the adapter merge them",
        )
    name = options.load_model_type
    to_read = recognise(options.load_dir) if name == AUTO else find_format(name)
    if to_read is to_write and not (to_read.reshards or options.lora_load):
        raise InputError(
            f"{to_read.name} -> {to_write.name} converts nothing",
            found=f"{options.load_dir} is {to_read.title} already",
            expected="another format to write",
        )
    return to_read, to_write


def writer_of(target: Format) -> CheckpointWriter:
    """What writes a format; InputError where it is only read."""
    if target.writer is None:
        registry = formats()
        names = {registry.get(name).name for name in registry if registry.get(name).writer}
        raise InputError(
            f"checkpoints of the format {target.name} are not written",
            expected=f"--save-model-type {' or '.join(sorted(names))}",
        )
    return target.writer


def open_source(options: ConvertOptions, to_read: Format) -> CheckpointReader:
    """What is read, opened: the checkpoint, with its adapter merged, or an adapter alone."""
    if options.save_lora_to_hf:
        return adapter_alone(options)
    return with_adapter(to_read.open(options.load_dir), options)
