"""The five keys of a resume, all or none; load and save; paths that are not there.

Covers: MindSpeed-RL; load and save of both lines. Does not cover: what a checkpoint holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Role, same_path
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

REFERENCE = "integrated_mode_config.ref_model_load_path"


@rule(
    "save-overwrites-load",
    "warning",
    on=Role,
    en=(
        "load and save are both {path} with finetune: true: the first save replaces "
        "what a restart would start from, and the reference model would be the trained "
        "one",
        "save elsewhere",
    ),
    zh=(
        "finetune: true 而 load 与 save 都是 {path}：第一次保存就会替换重启时要加载的权"
        "重，参考模型也会变成训练过的",
        "save 换一个目录",
    ),
)
def load_and_save(role: Role) -> Iterator[At]:
    """A first run does not write where it reads."""
    load, save = role.get("load"), role.get("save")
    if role.get("finetune") and load and save and same_path(str(load), str(save)):
        yield at(role.place("save"), path=load)


FINETUNE_OFF_WITHOUT_RESUME = rule(
    "finetune-off-without-resume",
    "warning",
    on=RolloutRun,
    en=(
        "finetune is false, with nothing else of a resume: the iteration and the "
        "consumed samples of the loaded checkpoint are taken over, its optimizer is not",
        "finetune: true for a first run; `msrl-ext resume-config IN -o OUT` for a resume",
    ),
    zh=(
        "finetune 为 false，其余续训项都没有：会沿用所加载检查点的迭代数和已用样本数，"
        "但不加载优化器",
        "首次训练 finetune: true；续训用 `msrl-ext resume-config 输入 -o 输出`",
    ),
)


@check(RolloutRun)
def five_keys(run: RolloutRun) -> Iterator[Finding]:
    """A resume is all of: finetune, no_load_optim, no_load_rng false, load, the reference."""
    actor, place = run.actor, run.actor.place("finetune")
    reference = run.document.table("rl_config", "integrated_mode_config").get("ref_model_load_path")
    finetune = bool(actor.get("finetune"))
    # Not given, the host loads both; beside finetune: true that is no sign of a resume.
    signs = {
        key: not actor.get(key) and (actor.has(key) or not finetune)
        for key in ("no_load_optim", "no_load_rng")
    }
    signs[REFERENCE] = bool(reference)
    if not run.rl.get("use_integrated_worker"):
        del signs[REFERENCE]  # the reference has a part of its own, with its own load
    if not any(signs.values()):
        if not finetune:
            yield FINETUNE_OFF_WITHOUT_RESUME.at(place)
        return
    states = {"finetune": not finetune, **signs}
    missing = [key for key, is_set in states.items() if not is_set]
    if missing:
        yield _partial(run, [key for key in states if key not in missing], missing)
        return
    yield from _whole(run, str(reference or ""))


RESUME_INCOMPLETE = rule(
    "resume-incomplete",
    "error",
    on=RolloutRun,
    en=(
        "only part of a resume: {given} as for a resume, but {missing}",
        "`msrl-ext resume-config IN -o OUT` writes all of them",
    ),
    zh=(
        "续训只配了一半：{given} 已按续训设置，但 {missing}",
        "`msrl-ext resume-config 输入 -o 输出` 会全部写好",
    ),
)


def _partial(run: RolloutRun, given: list[str], missing: list[str]) -> Finding:
    actor = run.actor
    states = [
        f"{key} is not set" if key == REFERENCE else f"{key} is {str(actor.get(key)).lower()}"
        for key in missing
    ]
    values = {"given": ", ".join(given), "missing": ", ".join(states)}
    return RESUME_INCOMPLETE.at(actor.place("finetune"), **values)


RESUME_REFERENCE_IS_TRAINED = rule(
    "resume-reference-is-trained",
    "error",
    on=RolloutRun,
    en=(
        "ref_model_load_path is the checkpoint that is resumed: the reference would be "
        "the trained model and the KL 0 at its start",
        "ref_model_load_path: the weights that the first run started from",
    ),
    zh=(
        "ref_model_load_path 就是要续训的检查点：参考模型成了训练后的模型，KL 从 0 开始",
        "ref_model_load_path 填首次训练所用的原始权重",
    ),
)
RESUME_COMPLETE = rule(
    "resume-complete",
    "ok",
    on=RolloutRun,
    en=("a resume, all five keys are set",),
    zh=("续训，五个键齐全",),
)
RESUME_STATE_NOT_SAVED = rule(
    "resume-state-not-saved",
    "error",
    on=RolloutRun,
    en=(
        "a resume loads what {key} kept from being saved",
        "a run that is to be resumed saves optimizer and rng: remove {key}",
    ),
    zh=(
        "续训要加载的内容被 {key} 关掉了保存",
        "需要续训的训练要保存优化器和随机数状态：去掉 {key}",
    ),
)


def _whole(run: RolloutRun, reference: str) -> Iterator[Finding]:
    load = str(run.actor.get("load") or "")
    wrong = False
    if reference and load and same_path(reference, load):
        wrong = True
        yield RESUME_REFERENCE_IS_TRAINED.at(
            run.document.place("rl_config", "integrated_mode_config")
        )
    for key in ("no_save_optim", "no_save_rng"):
        if run.actor.get(key):
            wrong = True
            yield RESUME_STATE_NOT_SAVED.at(run.actor.place(key), key=key)
    if not wrong:
        yield RESUME_COMPLETE.at(run.actor.place("finetune"))


@rule(
    "path-missing",
    "warning",
    on=Role,
    en=(
        "{path} is not there on this machine",
        "correct the path; on a cluster every node must have it at the same place",
    ),
    zh=("本机没有 {path}", "改正路径；集群上每个节点都要在同一位置有它"),
)
def paths(role: Role) -> Iterator[At]:
    """Absolute paths of what is read are there; relative ones belong to the host's checkout."""
    for key in ("tokenizer_name_or_path", "load"):
        value = role.get(key)
        if isinstance(value, str) and value.startswith("/") and not Path(value).exists():
            yield at(role.place(key), path=value)
    data = role.get("data_path")
    if isinstance(data, str) and data.startswith("/"):
        folder = Path(data).parent
        if not list(folder.glob(f"{Path(data).name}*")):
            yield at(role.place("data_path"), path=data)
