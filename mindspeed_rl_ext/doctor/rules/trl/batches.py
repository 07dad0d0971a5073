"""Batches of TRL files: whole groups, and the disk that checkpoints take.

Covers: processes of the accelerate file, accumulation, the model's size by its name.
Does not cover: memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.rewards.scoring import billions_of, name_of_model
from mindspeed_rl_ext.doctor.readers.trl_part import TrlPart
from mindspeed_rl_ext.doctor.rulebook import check, rule

# Weights in two bytes, the optimizer's state in twelve.
BYTES_PER_PARAMETER = 14
NOTABLE_GB = 200

TRL_GROUP_WHOLE = rule(
    "trl-group-whole",
    "ok",
    on=TrlPart,
    en=(
        "{processes} processes x {each} per device x {steps} steps = {batch} responses, {prompts} "
        "prompts of {group}",
    ),
    zh=(
        "{processes} 个进程 x 每卡 {each} x {steps} 步 = {batch} 条回复，{prompts} "
        "题、每题 {group} 条",
    ),
)
TRL_GROUP_NOT_WHOLE = rule(
    "trl-group-not-whole",
    "error",
    on=TrlPart,
    en=(
        "{processes} processes x {each} per device x {steps} steps = {batch} responses per "
        "generation batch, not a multiple of num_generations {group}",
        "make the product a multiple of {group}",
    ),
    zh=(
        "{processes} 个进程 x 每卡 {each} x {steps} 步 = 每个生成批次 {batch} "
        "条回复，不是 num_generations {group} 的倍数",
        "让乘积成为 {group} 的倍数",
    ),
)
TRL_GROUP_OF_OLD_VERSIONS = rule(
    "trl-group-of-old-versions",
    "note",
    on=TrlPart,
    en=(
        "TRL before 0.18 does not count gradient_accumulation_steps here: {processes} "
        "x {each} = {short} would be refused",
    ),
    zh=(
        "早于 0.18 的 TRL 这里不算 gradient_accumulation_steps：{processes} x {each} = "
        "{short} 会被拒绝",
    ),
)


@check(TrlPart)
def group(part: TrlPart) -> Iterator[Finding]:
    """A generation batch holds whole groups."""
    if part.kind != "grpo":
        return
    started = part.accelerate
    processes = started.value.get("num_processes", 1) if started is not None else 1
    each, size = part.number("per_device_train_batch_size", 8), part.number("num_generations", 8)
    accumulated = part.number("gradient_accumulation_steps", 1)
    steps = part.number("steps_per_generation", accumulated)
    if not all(isinstance(n, int) and n > 0 for n in (processes, each, size, steps)):
        return  # TRL refuses them itself
    if part.known and "steps_per_generation" not in part.known:
        steps = 1  # a version that does not count them
    batch = part.number("generation_batch_size", processes * each * steps)
    values = {"processes": processes, "each": each, "steps": steps, "batch": batch, "group": size}
    place = part.place("num_generations")
    if batch % size:
        yield TRL_GROUP_NOT_WHOLE.at(place, **values)
        return
    yield TRL_GROUP_WHOLE.at(place, **values, prompts=batch // size)
    # Without an accelerate file the number of processes is not known.
    if started is not None and processes * each % size:
        yield TRL_GROUP_OF_OLD_VERSIONS.at(place, **values, short=processes * each)


@rule(
    "trl-save-disk-use",
    "warning",
    on=TrlPart,
    en=(
        "about {each} GB per checkpoint x {count} = {total} GB (every {every} of {steps} "
        "steps, optimizer included)",
        "save_total_limit: 2, a larger save_steps, or save_only_model: true where no "
        "resume is needed",
    ),
    zh=(
        "每个检查点约 {each} GB x {count} 个 = {total} GB（{steps} 步中每 {every} "
        "步保存，含优化器）",
        "save_total_limit: 2、调大 save_steps；不续训时 save_only_model: true",
    ),
)
def disk(part: TrlPart) -> Iterator[At]:
    """Checkpoints of a run take a bearable part of a disk."""
    billions = billions_of(name_of_model(part.model_name_or_path))
    steps, every = part.number("max_steps", 0), part.number("save_steps", 500)
    if part.kind != "grpo" or billions is None or steps <= 0 or every <= 0:
        return
    if part.table.get("save_only_model"):
        return
    count = max(1, int(steps // every))
    count = min(count, part.number("save_total_limit", count))
    each = billions * BYTES_PER_PARAMETER
    if each * count > NOTABLE_GB:
        values = {"each": round(each), "count": count, "total": round(each * count)}
        yield at(part.place("save_steps"), **values, every=every, steps=steps)
