"""R11, I11, I14 and what the Datawhale note teaches: TRL files, our recipes, accelerate files.

Covers: keys of the installed versions and where old ones went, the group in the batch, devices.
Does not cover: values that TRL itself checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.shipped import resolve_config
from mindspeed_rl_ext.doctor import trl_fields
from mindspeed_rl_ext.doctor.document import Document, KeyPath
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.rewards import name_of_model
from mindspeed_rl_ext.doctor.surroundings import Surroundings

# Keys of older versions and of scripts around them: where each went, in both languages.
MOVED: Mapping[str, tuple[str, str]] = {
    "torch_dtype": ("it is dtype", "现在叫 dtype"),
    "dataset_id_or_path": ("it is dataset_name", "现在叫 dataset_name"),
    "swanlab": ("it is report_to: [swanlab]", "现在是 report_to: [swanlab]"),
    "workspace": ("export SWANLAB_WORKSPACE=NAME", "export SWANLAB_WORKSPACE=名字"),
    "experiment_name": ("it is run_name", "现在叫 run_name"),
    "warmup_ratio": (
        "it is warmup_steps, which takes a fraction below 1",
        "现在是 warmup_steps，小于 1 的数按比例算",
    ),
    "max_prompt_length": (
        "TRL cuts no prompts any more: leave long ones out of the data "
        "(msrl-ext preprocess --max-prompt-length)",
        "TRL 不再截断提示：在数据里去掉过长的题（msrl-ext preprocess --max-prompt-length）",
    ),
    "vllm_device": (
        "vllm_mode: colocate shares the training devices, one process a device and none kept back; "
        "vllm_mode: server for a device of its own",
        "vllm_mode: colocate 与训练共用卡，每卡一个进程、不再留一张；单独一张卡用 vllm_mode: "
        "server",
    ),
    "vllm_max_model_len": ("it is vllm_max_model_length", "现在叫 vllm_max_model_length"),
    "use_liger_loss": ("it is use_liger_kernel", "现在叫 use_liger_kernel"),
    "overwrite_output_dir": ("remove it: the directory is written to", "去掉即可"),
    "evaluation_strategy": ("it is eval_strategy", "现在叫 eval_strategy"),
}
# What `msrl-ext train` translates in its recipes, which are no plain TRL files.
RECIPE_WORDS = frozenset({*MOVED, "dtype", "attn_implementation", "model_revision"})
# Stage of a recipe to what its keys may be; another stage may have the keys of both.
CLASSES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sft": trl_fields.SFT,
    "grpo": trl_fields.GRPO,
}
# Keys that only a file which TRL itself reads has.
TRL_MARKS = ("num_generations", "max_completion_length", "per_device_train_batch_size")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*[Bb](?![a-z])")
SMALLEST = 3.0
BYTES_A_PARAMETER = 14
GIGABYTES_WORTH_A_WORD = 200


@dataclass(frozen=True)
class Part:
    """One table of TRL's keys: a whole file, or a `trl` of a recipe."""

    document: Document
    path: KeyPath
    kind: str

    @property
    def table(self) -> Mapping[str, Any]:
        """Keys and values."""
        return self.document.table(*self.path)

    def number(self, key: str, default: Any) -> Any:
        """A number, or the default where it is none."""
        value = self.table.get(key, default)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return value if fits else default


def is_trl(document: Document) -> bool:
    """Whether a YAML is a TRL file or a recipe with TRL's keys."""
    return any(mark in document.value for mark in TRL_MARKS) or bool(parts(document)[1:])


def parts(document: Document) -> list[Part]:
    """The file itself, or every `trl` table in it."""
    inner = [
        Part(document, path, path[-2] if len(path) > 1 and path[-2] in CLASSES else "stage")
        for path in document.lines
        if path[-1] == "trl" and document.table(*path)
    ]
    own = [Part(document, (), "grpo")]
    return [*own, *inner] if not inner else [Part(document, (), "recipe"), *inner]


def rules(
    document: Document,
    found: Surroundings,
    accelerate: Document | None = None,
    model: Path | None = None,
) -> Iterator[Finding]:
    """All rules on a TRL file or a recipe.

    Args:
        document: the file.
        found: the environment.
        accelerate: the accelerate file that a user names; it wins over a recipe's own.
        model: the directory that takes the place of the file's model.

    Raises:
        InputError: a recipe names an accelerate file that is not there.
    """
    all_parts = [part for part in parts(document) if part.kind != "recipe"]
    known = _known({part.kind for part in all_parts})
    for part in all_parts:
        yield from keys(part, known[part.kind], found)
        yield from devices(part, found)
        started = accelerate or own_accelerate(part)
        if part.kind == "grpo":
            yield from group(part, started, known[part.kind])
            # A recipe names its model outside of TRL's keys: `recipe_rules` looks at it.
            yield from size_and_disk(part, None if part.path else model)
        if started is not None:
            yield from precision(part, started)


def own_accelerate(part: Part) -> Document | None:
    """The file under configs/accelerate that a recipe, or its size, names.

    Raises:
        InputError: there is none of that name.
    """
    # Here, not above: the doctor looks at an environment without PyYAML too.
    from mindspeed_rl_ext.doctor.yaml_file import read

    for end in range(len(part.path) - 1, -1, -1):
        name = part.document.table(*part.path[:end]).get("accelerate")
        if part.path and isinstance(name, str):
            return read(resolve_config(name, "accelerate"))
    return None


def _known(kinds: Set[str]) -> dict[str, frozenset[str]]:
    """Kind of a part to the keys of the installed TRL; empty sets without one."""
    if not trl_fields.installed("trl"):
        return dict.fromkeys(kinds, frozenset())
    wanted = kinds if kinds <= set(CLASSES) else set(CLASSES)
    known = {kind: trl_fields.fields(CLASSES[kind]) for kind in wanted}
    both = frozenset().union(*known.values())
    return {kind: known.get(kind, both) for kind in kinds}


def keys(part: Part, known: frozenset[str], found: Surroundings) -> Iterator[Finding]:
    """R11, I11: every key is one of the installed version."""
    version = found.versions.get("trl", "?")
    if not known:
        yield Finding("R11-no-trl", part.document.place(*part.path))
        return
    extra = RECIPE_WORDS if part.path else frozenset()
    wrong = [key for key in part.table if key not in known | extra]
    for key in wrong:
        place = part.document.place(*part.path, key)
        if key in MOVED:
            now, now_zh = MOVED[key]
            values = {"key": key, "version": version, "now": now, "now_zh": now_zh}
            yield Finding("I11-renamed", place, values)
        else:
            values = {"key": key, "library": "TRL", "version": version}
            values["nearest"] = nearest(key, known)
            yield Finding("R11-unknown", place, values)
    if not wrong:
        counted = {"count": len(part.table), "version": version}
        yield Finding("R11-known", part.document.place(*part.path), counted)


def group(part: Part, accelerate: Document | None, known: frozenset[str]) -> Iterator[Finding]:
    """R11, I14: a generation batch holds whole groups."""
    processes = accelerate.value.get("num_processes", 1) if accelerate is not None else 1
    each, size = part.number("per_device_train_batch_size", 8), part.number("num_generations", 8)
    accumulated = part.number("gradient_accumulation_steps", 1)
    steps = part.number("steps_per_generation", accumulated)
    counts_steps = not known or "steps_per_generation" in known
    if not all(isinstance(n, int) and n > 0 for n in (processes, each, size, steps)):
        return  # TRL refuses them itself
    batch = part.number("generation_batch_size", processes * each * (steps if counts_steps else 1))
    shown = f" x {steps} steps" if counts_steps and steps != 1 else ""
    values: dict[str, Any] = {
        "processes": processes,
        "each": each,
        "batch": batch,
        "group": size,
        "steps": shown,
    }
    values |= {"steps_zh": f" x {steps} 步" if shown else "", "short": processes * each}
    place = part.document.place(*part.path, "num_generations")
    if batch % size:
        yield Finding("R11-group", place, values)
        return
    yield Finding("R11-holds", place, {**values, "prompts": batch // size})
    # Without an accelerate file nobody has said how many processes there will be.
    if accelerate is not None and processes * each % size:
        yield Finding("I14", place, values)


def devices(part: Part, found: Surroundings) -> Iterator[Finding]:
    """flash_attention_2 and tf32 where they cannot run."""
    npu, place = "torch-npu" in found.versions, part.document.place
    arguments = part.document.table(*part.path, "model_init_kwargs")
    attention = part.table.get("attn_implementation") or arguments.get("attn_implementation")
    if attention == "flash_attention_2":
        if npu:
            yield Finding("S3-flash", place(*part.path, "attn_implementation"))
        elif "flash-attn" not in found.versions:
            yield Finding("S3-flash-absent", place(*part.path, "attn_implementation"))
    if part.table.get("tf32") is True:
        on_cpu = part.table.get("use_cpu") is True
        where = ("on a CPU", "在 CPU 上") if on_cpu else ("on an NPU", "在 NPU 上")
        values = {"where": where[0], "where_zh": where[1]}
        rule = "S3-tf32" if npu or on_cpu else "S3-tf32-note"
        yield Finding(rule, place(*part.path, "tf32"), values)


def billions_of(model: str) -> float | None:
    """Parameters in billions as the model's name tells them; None where it does not.

    Example:
        >>> billions_of("Qwen2.5-0.5B-Instruct"), billions_of("tiny")
        (0.5, None)
    """
    match = _SIZE.search(model)
    return None if match is None else float(match.group(1))


def size_and_disk(part: Part, other: Path | None = None) -> Iterator[Finding]:
    """S3-2, S3-9: what the model's name says of its size.

    Args:
        part: TRL's keys.
        other: the model that takes the place of theirs.
    """
    model = str(other or part.table.get("model_name_or_path") or "")
    billions = billions_of(name_of_model(model)) if model else None
    if billions is None:
        return
    place = part.document.place(*part.path, "model_name_or_path")
    if billions < SMALLEST:
        about = place if other is None else Place(str(other))
        yield Finding("S3-2", about, {"model": model, "size": f"{billions:g}"})
    steps, every = part.number("max_steps", 0), part.number("save_steps", 500)
    if steps <= 0 or every <= 0 or part.table.get("save_only_model"):
        return
    count = max(1, int(steps // every))
    count = min(count, part.number("save_total_limit", count))
    each = billions * BYTES_A_PARAMETER
    if each * count > GIGABYTES_WORTH_A_WORD:
        values = {"each": round(each), "count": count, "total": round(each * count)}
        values |= {"every": every, "steps": steps}
        yield Finding("S3-9-trl", part.document.place(*part.path, "save_steps"), values)


def precision(part: Part, accelerate: Document) -> Iterator[Finding]:
    """One precision in both files."""
    theirs = str(accelerate.value.get("mixed_precision", "no"))
    ours = next((name for name in ("bf16", "fp16") if part.table.get(name) is True), None)
    if ours is not None and theirs not in (ours, "no"):
        place = accelerate.place("mixed_precision")
        yield Finding("S3-4-precision", place, {"theirs": theirs, "ours": ours})
