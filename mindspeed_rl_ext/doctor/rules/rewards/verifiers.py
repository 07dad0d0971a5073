"""Verifiers of a run: known names, weights, labels and columns, pictures.

Covers: both hosts; our verifiers with parameters, plugins of a user's own.
Does not cover: what they read in a response (`prompts`); the rows of the data (`--data`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mindspeed_rl_ext.core.errors import ExtError, nearest
from mindspeed_rl_ext.core.responses.host_verifiers import HostVerifier
from mindspeed_rl_ext.core.rules import Finding, Place
from mindspeed_rl_ext.doctor.readers.rewards.scoring import Scoring
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.verifiers import parse_spec, registry_names, resolve

# Columns that the adapters pass without their being loaded from the data.
FREE_COLUMNS = ("answer", "prompt", "num_tokens")


REWARD_NO_VERIFIER = rule(
    "reward-no-verifier",
    "error",
    on=Scoring,
    en=("rule_reward is on, but verifier_function is empty: every reward is 0", "name a verifier"),
    zh=("rule_reward 打开而 verifier_function 为空：所有奖励都是 0", "至少写一个打分器"),
)
REWARD_WEIGHTS_DIFFER_IN_NUMBER = rule(
    "reward-weights-differ-in-number",
    "error",
    on=Scoring,
    en=(
        "verifier_function has {names:name}, verifier_weight {weights:weight}",
        "one weight for each name",
    ),
    zh=(
        "verifier_function 有 {names} 个名字，verifier_weight 有 {weights} 个权重",
        "每个名字一个权重",
    ),
)
REWARD_VERIFIERS_OF_OURS = rule(
    "reward-verifiers-of-ours",
    "ok",
    on=Scoring,
    en=("verifiers of ours: {names}",),
    zh=("我们的打分器：{names}",),
)
REWARD_VERIFIER_OF_HOST = rule(
    "reward-verifier-of-host",
    "note",
    on=Scoring,
    en=("verifier {name} is the host's: {does}; ours: {ours}",),
    zh=("打分器 {name} 是宿主的：{does}；我们的对应：{ours}",),
)


@check(Scoring)
def names_and_weights(scoring: Scoring) -> Iterator[Finding]:
    """Every name is known, and has one weight."""
    place, names = scoring.place, scoring.names
    if any(map(scoring.verifiers.is_open, ("verifier_function", "verifier_weight"))):
        return
    weights = scoring.verifiers.get("verifier_weight") or []
    if not names:
        yield REWARD_NO_VERIFIER.at(place)
    elif len(names) != len(weights):
        values = {"names": len(names), "weights": len(weights)}
        yield REWARD_WEIGHTS_DIFFER_IN_NUMBER.at(
            scoring.verifiers.place("verifier_weight"), **values
        )
    ours = []
    for name in names:
        if name in scoring.host:
            row = scoring.host[name]
            yield REWARD_VERIFIER_OF_HOST.at(place, name=name, does=row.does, ours=row.ours)
            continue
        problem = _problem(name, scoring.host, place)
        if problem is not None:
            yield problem
        else:
            ours.append(name)
    if ours:
        yield REWARD_VERIFIERS_OF_OURS.at(place, names=", ".join(ours))


REWARD_UNKNOWN_VERIFIER = rule(
    "reward-unknown-verifier",
    "error",
    on=Scoring,
    en=(
        "unknown verifier {name}: the host alone would score it 0 silently, with "
        "the plugin it raises",
        "{nearest}",
    ),
    zh=("未知的打分器 {name}：宿主自己会悄悄记 0 分，装了插件则报错", "{nearest}"),
)
REWARD_UNREADABLE_VERIFIER = rule(
    "reward-unreadable-verifier",
    "error",
    on=Scoring,
    en=(
        "verifier {name} can't be read: {why}",
        "write name or name(key=value); `msrl-ext score --help` lists the names",
    ),
    zh=(
        "打分器 {name} 无法解析：{why}",
        "写成 名字 或 名字(键=值)；`msrl-ext score --help` 列出全部名字",
    ),
)


def _problem(spec: str, host: Mapping[str, HostVerifier], place: Place) -> Finding | None:
    try:
        resolve(spec)
    except ExtError as error:
        why = f"{error.what}; {error.found or error.expected}".strip("; ")
        unreadable = REWARD_UNREADABLE_VERIFIER.at(place, name=spec, why=why)
        try:
            bare = parse_spec(spec).name
        except ExtError:
            return unreadable
        known = registry_names()
        if bare in known:
            return unreadable
        return REWARD_UNKNOWN_VERIFIER.at(place, name=spec, nearest=nearest(bare, {*host, *known}))
    return None


REWARD_NO_LABELS = rule(
    "reward-no-labels",
    "error",
    on=Scoring,
    en=(
        "dataset_additional_keys has no labels: verifiers get no reference answer, and "
        "with a seq_length below the prompt's length the reader returns empty prompts, "
        "both without an error",
        "dataset_additional_keys: [labels]",
    ),
    zh=(
        "dataset_additional_keys 里没有 labels：打分器拿不到参考答案；seq_length "
        "小于提示长度时读出的 input_ids 长度为 0，且都不报错",
        "dataset_additional_keys: [labels]",
    ),
)
REWARD_COLUMN_NOT_LOADED = rule(
    "reward-column-not-loaded",
    "error",
    on=Scoring,
    en=(
        "verifier {name} needs the column {need}, which dataset_additional_keys does not load",
        "add it to dataset_additional_keys, here and where the data are preprocessed",
    ),
    zh=(
        "打分器 {name} 需要列 {need}，而 dataset_additional_keys 没有加载它",
        "在这里和数据预处理里都加入 dataset_additional_keys",
    ),
)


@check(Scoring)
def labels(scoring: Scoring) -> Iterator[Finding]:
    """The reference answer, and what else a verifier needs, is loaded."""
    keys = scoring.role.names("dataset_additional_keys")
    place = scoring.role.place("dataset_additional_keys")
    if "labels" not in keys and not scoring.role.is_open("dataset_additional_keys"):
        yield REWARD_NO_LABELS.at(place)
    for name in scoring.names:
        if name in scoring.host or _problem(name, scoring.host, place):
            continue
        for need in resolve(name).needs:
            if need not in (*FREE_COLUMNS, *keys):
                yield REWARD_COLUMN_NOT_LOADED.at(place, name=name, need=need)


MULTIMODAL_SKIPS_OUR_VERIFIERS = rule(
    "multimodal-skips-our-verifiers",
    "error",
    on=Scoring,
    en=(
        "is_multimodal is on, and {name} is a verifier of ours: it is never called",
        "score multimodal runs by the host's own rewards",
    ),
    zh=(
        "is_multimodal 打开，而 {name} 是我们的打分器：它永远不会被调用",
        "多模态训练请用宿主自己的奖励",
    ),
)
MULTIMODAL_SKIPS_VERIFIERS = rule(
    "multimodal-skips-verifiers",
    "warning",
    on=Scoring,
    en=(
        "is_multimodal is on: such runs do not go through verifier(), names in "
        "verifier_function have no effect",
        "score multimodal runs by the host's own rewards",
    ),
    zh=(
        "is_multimodal 打开：多模态训练不经过 verifier()，verifier_function 的名字不起作用",
        "多模态训练请用宿主自己的奖励",
    ),
)


@check(Scoring)
def multimodal(scoring: Scoring) -> Iterator[Finding]:
    """Rows with pictures are scored elsewhere."""
    if not scoring.multimodal:
        return
    place = scoring.verifiers.place("is_multimodal")
    ours = [name for name in scoring.names if name not in scoring.host]
    if ours:
        yield MULTIMODAL_SKIPS_OUR_VERIFIERS.at(place, name=ours[0])
    else:
        yield MULTIMODAL_SKIPS_VERIFIERS.at(place)
