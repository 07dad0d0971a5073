"""Packed files, of anybody's making: prompts and nothing else.

Covers: one system block, an end that opens the assistant's turn, no answer behind it or at the end
of the question, labels that are answers, lengths, keys that go together.
Does not cover: whether the answers are right; files of other formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, Level, Place, Rule, at
from mindspeed_rl_ext.doctor.readers.packed import PackedFiles
from mindspeed_rl_ext.doctor.rulebook import BOOK, check, rule


def of_rows(
    kind: str,
    level: Level,
    en: str,
    zh: str,
    remedy: str = "preprocess again with msrl-ext preprocess, which drops such rows",
    remedy_zh: str = "用 msrl-ext preprocess 重新处理，它会丢弃这样的行",
) -> Rule:
    """Declares the rule on a kind of problem that rows have.

    Args:
        kind: the kind, as `preprocess.checks.packed_rows` names it.
        level: how bad it is.
        en: what such a row is, in English.
        zh: the same in Chinese.
        remedy: what to do, in English.
        remedy_zh: the same in Chinese.
    """
    cause = f"{{count}} of {{total}} rows: {en} (row {{row}}: {{detail}})"
    cause_zh = f"{{total}} 行中有 {{count}} 行：{zh}（第 {{row}} 行：{{detail}}）"
    return rule(id_of(kind), level, on=PackedFiles, en=(cause, remedy), zh=(cause_zh, remedy_zh))


def id_of(kind: str) -> str:
    """The rule on a kind of problem."""
    return f"packed-{kind.replace('_', '-')}"


of_rows(
    "masked_labels",
    "error",
    "labels are -100 on the prompt: instruction files, the response is inside input_ids",
    "labels 在提示部分为 -100：这是指令数据，response 就在 input_ids 里",
    "msrl-ext strip IN OUT makes prompt-only files of them",
    "msrl-ext strip 输入 输出 可以把它们变成只含提示的文件",
)
of_rows(
    "text_after_header",
    "error",
    "text follows the assistant's header",
    "assistant 头后面还有文字",
)
of_rows(
    "answer_in_prompt",
    "error",
    "the prompt gives its answer away",
    "提示里泄露了答案",
)
of_rows(
    "second_system_block",
    "error",
    "more than one system block",
    "system 段不止一个",
    "map the column of the raw question, not one with a template applied already",
    "map-keys 应指向原始题目列，而不是已套过模板的列",
)
of_rows(
    "no_assistant_header",
    "error",
    "the prompt does not end with the assistant's header",
    "提示不以 assistant 头结尾",
    "choose the prompt type of the model and preprocess again",
    "选择与模型相符的 prompt type，重新处理",
)
of_rows("empty_prompt", "error", "a prompt without tokens", "提示没有任何 token")
of_rows(
    "empty_label",
    "error",
    "a label without text: MindSpeed-LLM refuses it, verifiers score it wrong",
    "label 没有文字：MindSpeed-LLM 拒绝读取，打分器判为错",
)
of_rows("negative_ids", "error", "ids that no tokenizer has", "出现词表外的 id")
of_rows(
    "mask_length",
    "error",
    "attention_mask and input_ids differ in length",
    "attention_mask 与 input_ids 长度不同",
)
of_rows("mask_not_ones", "warning", "attention_mask hides tokens", "attention_mask 遮住了 token")
of_rows(
    "special_in_label",
    "warning",
    "labels hold special tokens, which the hosts leave out when they decode",
    "labels 含特殊 token，宿主解码时会丢掉它们",
)
PACKED_PROMPTS_ONLY = rule(
    "packed-prompts-only",
    "ok",
    on=PackedFiles,
    en=("{total} rows looked at: prompts and nothing else",),
    zh=("检查了 {total} 行：只有提示，没有别的",),
)


@check(PackedFiles)
def rows(files: PackedFiles) -> Iterator[Finding]:
    """Every row is a prompt and nothing else."""
    if files.data is None or "input_ids" not in files.data.keys:
        return
    by_kind = defaultdict(list)
    for problem in files.problems():
        by_kind[problem.kind].append(problem)
    place, total = Place(files.prefix), len(files.rows)
    for kind, found in by_kind.items():
        values = {"count": len(found), "row": found[0].row, "detail": found[0].detail}
        yield BOOK.rules.get(id_of(kind)).at(place, **values, total=total)
    if not by_kind:
        yield PACKED_PROMPTS_ONLY.at(place, total=total)


PACKED_UNREADABLE = rule(
    "packed-unreadable",
    "error",
    on=PackedFiles,
    en=("{cause}", "{remedy}"),
    zh=("{cause}", "{remedy}"),
)
PACKED_NO_INPUT_IDS = rule(
    "packed-no-input-ids",
    "error",
    on=PackedFiles,
    en=("there is no key input_ids: keys are {keys}", "copy all files of the prefix"),
    zh=("没有 input_ids：现有的键是 {keys}", "把这个前缀的文件拷全"),
)
PACKED_NO_ROWS = rule(
    "packed-no-rows",
    "error",
    on=PackedFiles,
    en=("the packed files have no rows", "preprocess again, and look at the rejects"),
    zh=("打包文件里没有行", "重新处理数据，并查看被拒绝的行"),
)
PACKED_NO_LABELS = rule(
    "packed-no-labels",
    "warning",
    on=PackedFiles,
    en=(
        "there are no labels: rule verifiers get no reference answer",
        'name the answer\'s column: --map-keys \'{"prompt":...,"response":...}\'',
    ),
    zh=(
        "没有 labels：规则打分器拿不到参考答案",
        '写明答案列：--map-keys \'{"prompt":...,"response":...}\'',
    ),
)
PACKED_SHAPE = rule(
    "packed-shape",
    "note",
    on=PackedFiles,
    en=("{rows} rows, of which {seen} are looked at; keys {keys}; prompt tokens {lengths}",),
    zh=("{rows} 行，检查其中 {seen} 行；键 {keys}；提示 token 数 {lengths}",),
)


@check(PackedFiles)
def shape(files: PackedFiles) -> Iterator[Finding]:
    """The files can be read, have rows, prompts and labels."""
    place, data = Place(files.prefix), files.data
    if data is None:
        yield PACKED_UNREADABLE.at(place, cause=files.cause, remedy=files.remedy)
    elif "input_ids" not in data.keys:
        yield PACKED_NO_INPUT_IDS.at(place, keys=", ".join(data.keys))
    elif not len(data):
        yield PACKED_NO_ROWS.at(place)
    else:
        values = {"rows": len(data), "seen": len(files.rows), "keys": ", ".join(data.keys)}
        yield PACKED_SHAPE.at(place, **values, lengths=files.lengths())
        if "labels" not in data.keys:
            yield PACKED_NO_LABELS.at(place)


@rule(
    "packed-prompt-too-long",
    "warning",
    on=PackedFiles,
    en=(
        "{count} of {total} prompts are longer than max_prompt_length {limit} (longest {longest})",
        "the host leaves them out or cuts them: preprocess with --max-prompt-length {limit}, or "
        "raise max_prompt_length",
    ),
    zh=(
        "{total} 条提示中有 {count} 条长于 max_prompt_length {limit}（最长 {longest}）",
        "宿主会丢弃或截断它们：用 --max-prompt-length {limit} 重新处理，或调大 max_prompt_length",
    ),
)
def lengths(files: PackedFiles) -> Iterator[At]:
    """No prompt is longer than the run takes."""
    data, limit = files.data, files.max_prompt_length
    if data is None or "input_ids" not in data.keys or not limit:
        return
    longer = [int(length) for length in data.lengths() if int(length) > limit]
    if longer:
        values = {"count": len(longer), "total": len(data), "limit": limit}
        yield at(Place(files.prefix), **values, longest=max(longer))
