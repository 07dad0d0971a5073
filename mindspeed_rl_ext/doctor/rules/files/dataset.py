"""Dataset YAMLs of MindSpeed-RL's schema, ours and the host's.

Covers: the handler, map_keys beside the first row of a JSON or CSV file, the runs that read the
data. Does not cover: unknown keys: those end the command, with the nearest name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.dataset import DatasetFile, first_row
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import is_open
from mindspeed_rl_ext.doctor.readers.rewards.prompts import makes
from mindspeed_rl_ext.doctor.rulebook import check, rule

CHAT_MARK = "<|im_start|>"
LEAKING = ("AlpacaStyleInstructionHandler",)


DATASET_NO_QUERY = rule(
    "dataset-no-query",
    "warning",
    on=DatasetFile,
    en=(
        'map_keys has no "query": the host then looks for a column input and stops with a KeyError',
        'add "query": ""',
    ),
    zh=('map_keys 没有 "query"：宿主会去找 input 列并报 KeyError', '加上 "query": ""'),
)
DATASET_FITS = rule(
    "dataset-fits",
    "ok",
    on=DatasetFile,
    en=("prompt type {prompt_type}, columns {columns}",),
    zh=("prompt type {prompt_type}，列 {columns}",),
)


@check(DatasetFile)
def dataset(data: DatasetFile) -> Iterator[Finding]:
    """The file says how to make prompts and labels of its input."""
    document = data.document
    found = [
        *_handler(data),
        *_labels(data),
        *_columns(data),
        *_templated(data),
    ]
    if document.table("map_keys") and "query" not in document.table("map_keys"):
        found.append(DATASET_NO_QUERY.at(document.place("map_keys")))
    yield from found
    if not found:
        columns = ", ".join(f"{role}={column}" for role, column in data.columns.items())
        values = {"prompt_type": document.value.get("prompt_type", "-"), "columns": columns}
        yield DATASET_FITS.at(document.place("map_keys"), **values)


DATASET_HANDLER_LEAKS_ANSWER = rule(
    "dataset-handler-leaks-answer",
    "error",
    on=DatasetFile,
    en=(
        "{handler} puts the response behind the prompt into input_ids: the rollout sees the answer",
        "handler_name: AlpacaStylePromptOnlyHandler (R1AlpacaStyleInstructionHandler in the host)",
    ),
    zh=(
        "{handler} 会把 response 接在提示后面放进 input_ids：采样时能看到答案",
        "handler_name: AlpacaStylePromptOnlyHandler（宿主的是 R1AlpacaStyleInstructionHandler）",
    ),
)


def _handler(data: DatasetFile) -> Iterator[Finding]:
    handler = data.document.value.get("handler_name")
    if handler in LEAKING:
        place = data.document.place("handler_name")
        yield DATASET_HANDLER_LEAKS_ANSWER.at(place, handler=handler)


DATASET_NO_LABELS = rule(
    "dataset-no-labels",
    "warning",
    on=DatasetFile,
    en=(
        "dataset_additional_keys has no labels: the packed files carry no reference answer",
        "dataset_additional_keys: [labels]",
    ),
    zh=(
        "dataset_additional_keys 没有 labels：打包文件里没有参考答案",
        "dataset_additional_keys: [labels]",
    ),
)
DATASET_NO_RESPONSE = rule(
    "dataset-no-response",
    "error",
    on=DatasetFile,
    en=(
        "map_keys names no response, but labels are asked for: there is nothing to take them from",
        'name the answer\'s column: "response": ...',
    ),
    zh=("map_keys 没有 response，却要 labels：没有来源", '写明答案列："response": ...'),
)


def _labels(data: DatasetFile) -> Iterator[Finding]:
    document, roles = data.document, data.columns
    handler = str(document.value.get("handler_name", ""))
    if "Pairwise" in handler or "Pretrain" in handler or not roles:
        return
    keys = document.value.get("dataset_additional_keys") or []
    place = document.place("dataset_additional_keys")
    if "labels" not in (keys.split() if isinstance(keys, str) else keys):
        yield DATASET_NO_LABELS.at(place)
    elif "response" not in roles:
        yield DATASET_NO_RESPONSE.at(document.place("map_keys"))


@rule(
    "dataset-differs-from-run",
    "warning",
    on=DatasetFile,
    en=("{key} is {ours} here and {theirs} in {other}", "make both the same"),
    zh=("{key} 这里是 {ours}，而 {other} 里是 {theirs}", "两处改成一致"),
)
def same_limits(data: DatasetFile) -> Iterator[At]:
    """The data and a run that reads them have the same longest prompt."""
    key, document = "max_prompt_length", data.document
    ours = document.value.get(key)
    for run in data.runs:
        if run.limits is None or not makes(document, run.actor.get("data_path")):
            continue
        theirs = run.limits.get(key)
        if ours is not None and theirs is not None and ours != theirs:
            values = {"key": key, "ours": ours, "theirs": theirs, "other": run.limits.place(key)}
            yield at(document.place(key), **values)


@rule(
    "dataset-of-another-run",
    "warning",
    on=DatasetFile,
    en=(
        "the files do not belong together: output_prefix is {prefix}, the run reads "
        "{data_path} ({other}), so data and rewards are not compared",
        "make output_prefix and data_path the same, or name the dataset YAML that made the data",
    ),
    zh=(
        "两个文件不配套：output_prefix 是 {prefix}，而训练读的是 {data_path}（{other}）"
        "，因此没有对照数据与奖励",
        "让 output_prefix 与 data_path 一致，或指定真正生成该数据的数据集 YAML",
    ),
)
def belongs_to_a_run(data: DatasetFile) -> Iterator[At]:
    """One of the runs reads what the file makes; otherwise nothing is compared."""
    document = data.document
    prefix = document.value.get("output_prefix")
    named = [run.actor for run in data.runs if isinstance(run.actor.get("data_path"), str)]
    if not named or not isinstance(prefix, str) or is_open(prefix):
        return
    if not any(makes(document, actor.get("data_path")) for actor in named):
        values = {"prefix": prefix, "data_path": named[0].get("data_path")}
        values["other"] = named[0].place("data_path")
        yield at(document.place("output_prefix"), **values)


DATASET_UNKNOWN_COLUMN = rule(
    "dataset-unknown-column",
    "error",
    on=DatasetFile,
    en=("the file has no column {column}, which map_keys takes as {role}", "{nearest}"),
    zh=("文件没有列 {column}（map_keys 里的 {role}）", "{nearest}"),
)


def _columns(data: DatasetFile) -> Iterator[Finding]:
    document, roles = data.document, data.columns
    row = first_row(Path(str(document.value.get("input", ""))))
    derived = document.table("derive")
    for role, column in roles.items() if row is not None else ():
        if column.split(".")[0] not in {*(row or {}), *derived}:
            values = {"role": role, "column": column, "nearest": nearest(column, row or {})}
            yield DATASET_UNKNOWN_COLUMN.at(document.place("map_keys", role), **values)


DATASET_COLUMN_ALREADY_TEMPLATED = rule(
    "dataset-column-already-templated",
    "error",
    on=DatasetFile,
    en=(
        "the column {column} has a chat template applied already ({seen}): the prompt "
        "would get a second system block",
        "map the raw question: {remedy}",
    ),
    zh=(
        "列 {column} 已经套过对话模板（{seen}）：提示里会有两段 system",
        "映射原始题目列：{remedy}",
    ),
)


def _templated(data: DatasetFile) -> Iterator[Finding]:
    document, roles = data.document, data.columns
    column, path = roles.get("prompt", ""), Path(str(document.value.get("input", "")))
    row = first_row(path)
    if row is not None and CHAT_MARK in str(row.get(column, "")):
        seen = CHAT_MARK
    elif row is None and column == "input" and "processed_with_qwen_prompt" in path.name:
        seen = path.name
    else:
        return
    remedy = json.dumps({**roles, "prompt": "question", "query": ""})
    values = {"column": column, "seen": seen, "remedy": remedy}
    yield DATASET_COLUMN_ALREADY_TEMPLATED.at(document.place("map_keys", "prompt"), **values)
