"""A checkpoint beside the YAML that loads it and the model that it came from.

Covers: its format, whether its files are whole, its rank directories, its layout, the hashes of
config and tokenizer in manifest.json.
Does not cover: tensors; `msrl-ext verify` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import Finding, Place
from mindspeed_rl_ext.doctor.readers.checkpoint import MANIFEST, CheckpointInUse, Layout
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role
from mindspeed_rl_ext.doctor.rulebook import check, rule

# The format that has a file per rank.
RANK_FILES = "mg"

CHECKPOINT_FORMAT = rule(
    "checkpoint-format",
    "note",
    on=CheckpointInUse,
    en=("the checkpoint has the format {kind}", "{convert} converts it"),
    zh=("检查点的格式是 {kind}", "转换命令：{convert}"),
)
CHECKPOINT_PART = rule(
    "checkpoint-part",
    "note",
    on=CheckpointInUse,
    en=("the checkpoint is one node's part: {part}", "the other ranks must be on the other nodes"),
    zh=("检查点是单个节点的部分：{part}", "其余 rank 应在其他节点上"),
)
CHECKPOINT_UNREADABLE = rule(
    "checkpoint-unreadable",
    "error",
    on=CheckpointInUse,
    en=("the checkpoint of format {kind} does not open: {reason}", "{remedy}"),
    zh=("{kind} 格式的检查点打不开：{reason}", "{remedy}"),
)


@check(CheckpointInUse)
def whole_files(found: CheckpointInUse) -> Iterator[Finding]:
    """It opens: no file is missing or cut short."""
    place = Place(str(found.folder))
    if found.part:
        yield CHECKPOINT_PART.at(place, part=found.part)
    elif found.broken is None:
        yield CHECKPOINT_FORMAT.at(place, kind=found.kind, convert=found.convert)
    elif not missing_ranks(found):
        remedy = found.broken.remedy or "copy the checkpoint again"
        lines = str(found.broken).splitlines()
        reason = "; ".join(" ".join(line.split()) for line in lines if "remedy:" not in line)
        values = {"kind": found.kind, "reason": reason, "remedy": remedy}
        yield CHECKPOINT_UNREADABLE.at(place, **values)


CHECKPOINT_WITHOUT_MANIFEST = rule(
    "checkpoint-without-manifest",
    "note",
    on=CheckpointInUse,
    en=(
        "there is no manifest.json: it was not made by msrl-ext convert, so only its "
        "layout is checked",
    ),
    zh=("没有 manifest.json：不是 msrl-ext convert 的产物，只检查切分",),
)
CHECKPOINT_INCOMPLETE = rule(
    "checkpoint-incomplete",
    "error",
    on=CheckpointInUse,
    en=(
        "rank directories are missing: {missing} of {count}, the first is {first}",
        "copy the checkpoint again, or finish it with msrl-ext convert --resume",
    ),
    zh=(
        "{count} 个 rank 目录缺了 {missing} 个，第一个是 {first}",
        "重新拷贝检查点，或用 msrl-ext convert --resume 补完",
    ),
)


@check(CheckpointInUse)
def rank_directories(found: CheckpointInUse) -> Iterator[Finding]:
    """Every rank directory is there."""
    place, missing = Place(str(found.folder)), missing_ranks(found)
    if found.kind == RANK_FILES and not found.manifest:
        yield CHECKPOINT_WITHOUT_MANIFEST.at(place)
    if missing:
        count = len(_rank_dirs(found.layout))
        values = {"missing": len(missing), "count": count, "first": missing[0]}
        yield CHECKPOINT_INCOMPLETE.at(place, **values)


def missing_ranks(found: CheckpointInUse) -> list[str]:
    """Rank directories that are not there; none are missing of parts and in other formats."""
    if found.kind != RANK_FILES or found.part:
        return []
    return sorted(_rank_dirs(found.layout) - found.ranks)


def _rank_dirs(layout: Layout) -> set[str]:
    return {
        _rank_dir(t, p, e, layout)
        for t in range(layout.tp)
        for p in range(layout.pp)
        for e in range(layout.ep)
    }


def _rank_dir(tp: int, pp: int, ep: int, layout: Layout) -> str:
    stage = f"_{pp:03d}" if layout.pp > 1 else ""
    return f"mp_rank_{tp:02d}{stage}" + (f"_{ep:03d}" if layout.ep > 1 else "")


CHECKPOINT_LAYOUT_SAME = rule(
    "checkpoint-layout-same",
    "ok",
    on=CheckpointInUse,
    en=("the checkpoint's layout is that of {role}: {ours}",),
    zh=("检查点切分与 {role} 一致：{ours}",),
)
CHECKPOINT_LAYOUT_DIFFERS = rule(
    "checkpoint-layout-differs",
    "error",
    on=CheckpointInUse,
    en=(
        "the checkpoint's layout is {theirs}, {role} asks for {ours}",
        "convert again with {flags}, or reshard with msrl-ext convert (mg to mg)",
    ),
    zh=(
        "检查点的切分是 {theirs}，{role} 要的是 {ours}",
        "用 {flags} 重新转换，或用 msrl-ext convert 重新切分（mg 到 mg）",
    ),
)


@check(CheckpointInUse)
def layout_of_roles(found: CheckpointInUse) -> Iterator[Finding]:
    """The layout is that of the roles that load it; of the actor where none names it."""
    if found.kind != RANK_FILES:  # other formats load whatever the sizes are
        return
    roles = dict(found.roles)
    named = {name: role for name, role in roles.items() if _loads(role, found.folder)}
    for name, role in (named or dict([*roles.items()][:1])).items():
        ours = Layout(
            role.size("tensor_model_parallel_size"),
            role.size("pipeline_model_parallel_size"),
            role.size("expert_model_parallel_size"),
        )
        place = role.place("tensor_model_parallel_size")
        flags = (
            f"--target-tensor-parallel-size {ours.tp} --target-pipeline-parallel-size {ours.pp}"
        ) + (f" --target-expert-parallel-size {ours.ep}" if ours.ep > 1 else "")
        values = {"theirs": found.layout, "ours": ours, "role": name, "flags": flags}
        same = ours == found.layout if found.manifest else ours[:2] == found.layout[:2]
        yield (CHECKPOINT_LAYOUT_SAME if same else CHECKPOINT_LAYOUT_DIFFERS).at(place, **values)
        yield from _experts(found, role)


def _loads(role: Role, folder: Path) -> bool:
    load = str(role.get("load") or "")
    return bool(load) and Path(load).name == folder.resolve().name


CHECKPOINT_EXPERTS_EXTENDED = rule(
    "checkpoint-experts-extended",
    "error",
    on=CheckpointInUse,
    en=(
        "the checkpoint's experts were converted with --moe-tp-extend-ep, the YAML has "
        "moe_tp_extend_ep false",
        "moe_tp_extend_ep: true, or convert again without --moe-tp-extend-ep",
    ),
    zh=(
        "检查点转换时带了 --moe-tp-extend-ep，而 YAML 里 moe_tp_extend_ep 为 false",
        "moe_tp_extend_ep: true，或不带 --moe-tp-extend-ep 重新转换",
    ),
)
CHECKPOINT_EXPERTS_NOT_EXTENDED = rule(
    "checkpoint-experts-not-extended",
    "error",
    on=CheckpointInUse,
    en=(
        "the checkpoint's experts were converted without --moe-tp-extend-ep, the YAML has "
        "moe_tp_extend_ep true",
        "convert again with --moe-tp-extend-ep",
    ),
    zh=(
        "检查点转换时没有带 --moe-tp-extend-ep，而 YAML 里 moe_tp_extend_ep 为 true",
        "带 --moe-tp-extend-ep 重新转换",
    ),
)


def _experts(found: CheckpointInUse, role: Role) -> Iterator[Finding]:
    sizes = found.manifest.get("layout", {})
    if not role.number("num_experts") or "extend_ep" not in sizes:
        return
    theirs, ours = bool(sizes["extend_ep"]), bool(role.get("moe_tp_extend_ep"))
    if theirs != ours and role.size("tensor_model_parallel_size") > 1:
        differs = CHECKPOINT_EXPERTS_EXTENDED if theirs else CHECKPOINT_EXPERTS_NOT_EXTENDED
        yield differs.at(role.place("moe_tp_extend_ep"))


CHECKPOINT_CONFIG_DIFFERS = rule(
    "checkpoint-config-differs",
    "error",
    on=CheckpointInUse,
    en=(
        "the checkpoint was made from another config.json than that of {model}",
        "give the directory that was converted, or convert again",
    ),
    zh=("检查点所用的 config.json 与 {model} 的不同", "给出转换时的模型目录，或重新转换"),
)
CHECKPOINT_TOKENIZER_DIFFERS = rule(
    "checkpoint-tokenizer-differs",
    "error",
    on=CheckpointInUse,
    en=(
        "{files} of {model} differ from those of the model that was converted",
        "use the tokenizer of the model that was converted",
    ),
    zh=("{model} 的 {files} 与转换时的模型不同", "使用转换时那个模型的 tokenizer"),
)
CHECKPOINT_FILES_SAME = rule(
    "checkpoint-files-same",
    "ok",
    on=CheckpointInUse,
    en=("config.json and tokenizer are those of the conversion",),
    zh=("config.json 与 tokenizer 就是转换时的",),
)


@check(CheckpointInUse)
def hashes(found: CheckpointInUse) -> Iterator[Finding]:
    """config.json and tokenizer are those of the conversion."""
    recorded, model = found.manifest.get("sha256"), found.model
    if model is None or not isinstance(recorded, dict) or not recorded:
        return
    place, differing = Place(str(found.folder / MANIFEST), "sha256"), []
    for name, expected in recorded.items():
        path = model / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            differing.append(name)
    if "config.json" in differing:
        yield CHECKPOINT_CONFIG_DIFFERS.at(place, model=model)
    tokenizer = [name for name in differing if name != "config.json"]
    if tokenizer:
        yield CHECKPOINT_TOKENIZER_DIFFERS.at(place, model=model, files=", ".join(tokenizer))
    if not differing:
        yield CHECKPOINT_FILES_SAME.at(place)
