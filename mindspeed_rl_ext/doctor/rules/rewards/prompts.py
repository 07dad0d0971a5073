"""What verifiers read in a response beside what its prompt asks for, and the data they belong to.

Covers: verifiers that declare what they read, ours and a user's own; the hosts', from a table.
Does not cover: prompts that nothing is known of.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.language import LANGUAGES, Text
from mindspeed_rl_ext.core.responses.host_verifiers import BELONGS
from mindspeed_rl_ext.core.responses.response_parts import (
    BOX,
    describe_condition,
    unmet_conditions,
)
from mindspeed_rl_ext.core.rules import Finding
from mindspeed_rl_ext.doctor.readers.rewards.scoring import ScoredPrompts, bare_name
from mindspeed_rl_ext.doctor.readers.rewards.verifier_reads import TAGS, reads_of
from mindspeed_rl_ext.doctor.rulebook import check, rule
from mindspeed_rl_ext.verifiers import registry_names

_AND = Text(" and ", "和")

REWARD_TAGS_PROMPT_ASKS_BOX = rule(
    "reward-tags-prompt-asks-box",
    "error",
    on=ScoredPrompts,
    en=(
        "verifier {name} looks for {missing}, but prompts of {source} ask for a box only: "
        "it never pays",
        "use simplerl, which reads the box, or the prompt type qwen_r1",
    ),
    zh=(
        "打分器 {name} 要找 {missing}，而 {source} 的提示只要求 boxed：永远拿不到分",
        "改用读取 boxed 的 simplerl，或 prompt type 用 qwen_r1",
    ),
)
REWARD_PROMPT_ASKS_OTHERWISE = rule(
    "reward-prompt-asks-otherwise",
    "error",
    on=ScoredPrompts,
    en=(
        "verifier {name} looks for {missing}, which prompts of {source} do not ask "
        "for: it scores nearly every response wrong",
        "take one that reads what is asked for: {advice}; or change the data",
    ),
    zh=(
        "打分器 {name} 要找 {missing}，而 {source} 的提示不要求它：几乎所有回复都会判错",
        "换成读得到的打分器：{advice}；或更换数据",
    ),
)
REWARD_FOR_OTHER_DATA = rule(
    "reward-for-other-data",
    "warning",
    on=ScoredPrompts,
    en=(
        "verifier {name} belongs to {belongs}, the data are {data}: the host's guide "
        "pairs each data set with its own",
        "take one that reads what is asked for: {advice}; or change the data",
    ),
    zh=(
        "打分器 {name} 配套的数据是 {belongs}，这里的数据是 {data}：宿主文档要求配套使用",
        "换成读得到的打分器：{advice}；或更换数据",
    ),
)


@check(ScoredPrompts)
def reads_what_is_asked(scored: ScoredPrompts) -> Iterator[Finding]:
    """A verifier finds what the prompts ask for, and belongs to the data."""
    data, asks = scored.data, scored.data.asks
    for name in scored.names:
        bare = bare_name(name)
        missing = unmet_conditions(reads_of(name, scored.host), asks) if asks is not None else ()
        values = {"name": name, "source": data.source, "missing": _all_of(missing)}
        if missing and asks == frozenset({BOX}) and TAGS.issuperset(missing):
            yield REWARD_TAGS_PROMPT_ASKS_BOX.at(scored.place, **values)
        elif missing:
            advice = _readers_of(asks or frozenset())
            yield REWARD_PROMPT_ASKS_OTHERWISE.at(scored.place, **values, advice=advice)
        elif bare in BELONGS and data.name and data.name != BELONGS[bare]:
            known = {"name": name, "belongs": BELONGS[bare], "data": data.name}
            advice = _readers_of(asks or frozenset())
            yield REWARD_FOR_OTHER_DATA.at(scored.place, **known, advice=advice)


def _all_of(conditions: tuple[str, ...]) -> Text:
    english, chinese = (
        joint.join(describe_condition(one, language) for one in conditions)
        for joint, language in zip(_AND, LANGUAGES, strict=True)
    )
    return Text(english, chinese)


def _readers_of(asks: frozenset[str]) -> str:
    """Verifiers of ours that read what is asked for."""
    found = {name: reads_of(name, {}) for name in registry_names()}
    fitting = [name for name, reads in found.items() if reads and not unmet_conditions(reads, asks)]
    return ", ".join(fitting) or "boxed_acc"
