"""Keys and checkpoints of rlxf configurations of MindSpeed-LLM.

Covers: keys of other hosts, false keys that are no flags, one checkpoint for several layouts.
Does not cover: unknown keys: those end the command, with the nearest name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_keys import FLAGS
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import ROLE_PATHS, RlxfRun
from mindspeed_rl_ext.doctor.rulebook import check, rule


def _layout(role: Role) -> tuple[int, int]:
    return role.size("tensor_model_parallel_size"), role.size("pipeline_model_parallel_size")


RLXF_ROLES_SHARE_CHECKPOINT = rule(
    "rlxf-roles-share-checkpoint",
    "error",
    on=RlxfRun,
    en=(
        "roles with different parallel sizes load one checkpoint, {load}: {layouts}",
        "convert once per layout, and give each role its own directory",
    ),
    zh=(
        "切分不同的角色加载同一个检查点 {load}：{layouts}",
        "每种切分各转换一次，每个角色用自己的目录",
    ),
)


@check(RlxfRun)
def one_layout_per_checkpoint(run: RlxfRun) -> Iterator[Finding]:
    """Roles with different parallel sizes do not load the same checkpoint."""
    by_load: dict[PurePosixPath, list[str]] = defaultdict(list)
    for name, role in run.roles.items():
        # Without an ORM the reward role is not built (an empty pool).
        if role.get("load") and (name != "reward" or run.pool(name)):
            by_load[PurePosixPath(str(role.get("load")))].append(name)
    for load, names in by_load.items():
        layouts = {name: _layout(run.roles[name]) for name in names}
        if len(set(layouts.values())) > 1:
            spelled = ", ".join(f"{name} TP {tp} PP {pp}" for name, (tp, pp) in layouts.items())
            place = run.roles[names[-1]].place("load")
            yield RLXF_ROLES_SHARE_CHECKPOINT.at(place, layouts=spelled, load=load)


RLXF_HAS_LABELS = rule(
    "rlxf-has-labels",
    "error",
    on=RlxfRun,
    en=("has-labels is no key of this host: nothing reads it", "dataset_additional_keys: labels"),
    zh=("宿主没有 has-labels 这个键，不起作用", "dataset_additional_keys: labels"),
)
RLXF_FALSE_KEY_DROPPED = rule(
    "rlxf-false-key-dropped",
    "note",
    on=RlxfRun,
    en=("{key} is no flag of the host; as it is false, it is left out",),
    zh=("{key} 不是宿主的开关；因为是 false，会被丢弃",),
)


@check(RlxfRun)
def keys_of_other_hosts(run: RlxfRun) -> Iterator[Finding]:
    """Keys of other hosts, and false keys that are no flags."""
    for path in (("training",), *ROLE_PATHS.values()):
        for key, value in run.document.table(*path).items():
            name = str(key).replace("-", "_")
            place = run.document.place(*path, str(key))
            if name == "has_labels":
                yield RLXF_HAS_LABELS.at(place)
            elif value is False and name not in FLAGS:
                yield RLXF_FALSE_KEY_DROPPED.at(place, key=key)
