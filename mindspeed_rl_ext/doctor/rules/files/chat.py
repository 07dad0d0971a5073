"""Parquet files of chat prompts, of anybody's making: what verl can't use, or uses otherwise.

Covers: chats that are none, templated twice, end with the assistant or have no text; references
that are missing or of several types; answers in the prompt or beside it; types between files;
with a model, prompts that are too long.
Does not cover: whether the answers are right; which verifier reads them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, Level, Rule, at
from mindspeed_rl_ext.doctor.readers.chat_files import ChatFiles
from mindspeed_rl_ext.doctor.rulebook import BOOK, check, rule


def of_rows(
    kind: str,
    level: Level,
    en: str,
    zh: str,
    remedy: str = "make the file with msrl-ext preprocess --format verl, which drops such rows",
    remedy_zh: str = "用 msrl-ext preprocess --format verl 生成文件，它会丢弃这样的行",
) -> Rule:
    """Declares the rule on a kind of problem that rows have.

    Args:
        kind: the kind, as `preprocess.verl.checks` names it.
        level: how bad it is.
        en: what such a row is, in English.
        zh: the same in Chinese.
        remedy: what to do, in English.
        remedy_zh: the same in Chinese.
    """
    cause = f"{{count}} of {{total}} rows: {en} ({{file}}, row {{row}}: {{detail}})"
    cause_zh = f"{{total}} 行中有 {{count}} 行：{zh}（{{file}} 第 {{row}} 行：{{detail}}）"
    return rule(id_of(kind), level, on=ChatFiles, en=(cause, remedy), zh=(cause_zh, remedy_zh))


def id_of(kind: str) -> str:
    """The rule on a kind of problem."""
    return f"chat-{kind.replace('_', '-')}"


of_rows(
    "string_prompt",
    "error",
    "the prompt is text, verl needs a list of messages",
    "提示是文字，verl 需要消息列表",
)
of_rows("bad_prompt", "error", "the prompt is no list of role and content", "提示不是消息列表")
of_rows(
    "template_twice",
    "error",
    "a message carries a template's markers, and verl puts the model's around it again",
    "消息里已有模板标记，verl 会再套一次模型的模板",
    "write the bare question into the column prompt",
    "prompt 列里只写原始题目",
)
of_rows(
    "trailing_turn",
    "error",
    "the last message is not the user's, so the model goes on behind an answer",
    "最后一条消息不是 user 的，模型会接着回答往下写",
)
of_rows("empty_prompt", "error", "the last message has no text", "最后一条消息没有文字")
of_rows(
    "missing_answer",
    "error",
    "there is no reward_model.ground_truth",
    "没有 reward_model.ground_truth",
)
of_rows("empty_answer", "error", "the reference has no text", "参考答案没有文字")
of_rows("bad_answer", "error", "the reference can't be read", "参考答案无法读取")
of_rows("answer_in_prompt", "error", "the prompt gives its answer away", "提示里泄露了答案")
of_rows(
    "mixed_references",
    "warning",
    "the reference is of another type than before in the same data source",
    "同一 data_source 里参考答案的类型前后不同",
)
of_rows(
    "solution_beside",
    "note",
    "a solution stands beside the prompt; verl gives it to rewards and logs alone",
    "提示旁边有解答；verl 只把它交给打分和日志",
    "",
    "",
)
of_rows(
    "too_long",
    "error",
    "the prompt is longer than max_prompt_length, and verl cuts off its beginning "
    "(filter_overlong_prompts is off by default)",
    "提示超过 max_prompt_length，verl 会截掉开头（filter_overlong_prompts 默认关闭）",
    "data.filter_overlong_prompts=True, or a larger data.max_prompt_length",
    "data.filter_overlong_prompts=True，或增大 data.max_prompt_length",
)
of_rows(
    "left_out",
    "note",
    "the prompt is longer than max_prompt_length, and verl leaves the row out",
    "提示超过 max_prompt_length，verl 会去掉这一行",
    "",
    "",
)
CHAT_UNMEASURED = rule(
    "chat-lengths-unmeasured",
    "note",
    on=ChatFiles,
    en=("how long prompts are can't be told: {cause}",),
    zh=("无法得知提示的长度：{cause}",),
)
CHAT_MIXED_TYPES = rule(
    "chat-mixed-types",
    "error",
    on=ChatFiles,
    en=(
        "{file}: {detail}: verl can't join the files",
        "make all files with one command, or give the column one type",
    ),
    zh=("{file}：{detail}：verl 无法合并这些文件", "用同一条命令生成所有文件，或统一该列的类型"),
)
CHAT_PROMPTS_ONLY = rule(
    "chat-prompts-only",
    "ok",
    on=ChatFiles,
    en=("{total} rows looked at: chats and their references",),
    zh=("检查了 {total} 行：都是对话与参考答案",),
)


@check(ChatFiles)
def rows(files: ChatFiles) -> Iterator[Finding]:
    """Every row is a chat with its reference."""
    by_kind = defaultdict(list)
    for problem in files.problems():
        if problem.row is None:
            values = {"file": problem.file, "detail": problem.detail}
            yield CHAT_MIXED_TYPES.at(files.place, **values)
        else:
            dropped = problem.kind == "too_long" and files.limit and files.limit.drops
            by_kind["left_out" if dropped else problem.kind].append(problem)
    for kind, found in by_kind.items():
        first = found[0]
        values = {"file": first.file, "row": str(first.row), "detail": first.detail}
        declared = BOOK.rules.get(id_of(kind))
        yield declared.at(files.place, **values, count=len(found), total=files.total)
    if files.unmeasured:
        yield CHAT_UNMEASURED.at(files.place, cause=files.unmeasured)
    if files.total and by_kind.keys() <= {"solution_beside", "left_out"}:
        yield CHAT_PROMPTS_ONLY.at(files.place, total=files.total)


@rule(
    "chat-unreadable",
    "error",
    on=ChatFiles,
    en=("{cause}", "{remedy}"),
    zh=("{cause}", "{remedy}"),
)
def unreadable(files: ChatFiles) -> Iterator[At]:
    """The files can be read."""
    for cause, remedy in files.unreadable:
        yield at(files.place, cause=cause, remedy=remedy)


@rule(
    "chat-no-rows",
    "error",
    on=ChatFiles,
    en=("{file} has no rows", "preprocess again, and look at the rejects"),
    zh=("{file} 没有行", "重新处理数据，并查看被拒绝的行"),
)
def no_rows(files: ChatFiles) -> Iterator[At]:
    """The files have rows."""
    for file in files.files:
        if not len(file):
            yield at(files.place, file=file.path.name)
