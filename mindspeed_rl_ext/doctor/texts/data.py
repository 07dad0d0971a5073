"""Texts on packed files, rule R13. Ids: R13-."""

from mindspeed_rl_ext.doctor.texts.text import Text

_AGAIN = "preprocess again with msrl-ext preprocess, which drops such rows"
_AGAIN_ZH = "用 msrl-ext preprocess 重新处理，它会丢弃这样的行"
_ROWS = "{count} of {total} rows: "
_FIRST = " (row {row}: {detail})"
_ROWS_ZH = "{total} 行中有 {count} 行："
_FIRST_ZH = "（第 {row} 行：{detail}）"


def _kind(
    level: str, what: str, what_zh: str, remedy: str = _AGAIN, remedy_zh: str = _AGAIN_ZH
) -> Text:
    cause, cause_zh = _ROWS + what + _FIRST, _ROWS_ZH + what_zh + _FIRST_ZH
    return Text("error" if level == "error" else "warning", cause, remedy, cause_zh, remedy_zh)


TEXTS = {
    "R13-masked_labels": _kind(
        "error",
        "labels are -100 on the prompt: instruction files, the response is inside input_ids",
        "labels 在提示部分为 -100：这是指令数据，response 就在 input_ids 里",
        "msrl-ext strip IN OUT makes prompt-only files of them",
        "msrl-ext strip 输入 输出 可以把它们变成只含提示的文件",
    ),
    "R13-text_after_header": _kind(
        "error", "text follows the assistant's header", "assistant 头后面还有文字"
    ),
    "R13-answer_in_prompt": _kind("error", "the prompt gives its answer away", "提示里泄露了答案"),
    "R13-second_system_block": _kind(
        "error",
        "more than one system block",
        "system 段不止一个",
        "map the column of the raw question, not one with a template applied already",
        "map-keys 应指向原始题目列，而不是已套过模板的列",
    ),
    "R13-no_assistant_header": _kind(
        "error",
        "the prompt does not end with the assistant's header",
        "提示不以 assistant 头结尾",
        "choose the prompt type of the model and preprocess again",
        "选择与模型相符的 prompt type，重新处理",
    ),
    "R13-empty_prompt": _kind("error", "a prompt without tokens", "提示没有任何 token"),
    "R13-empty_label": _kind(
        "error",
        "a label without text: MindSpeed-LLM refuses it, verifiers score it wrong",
        "label 没有文字：MindSpeed-LLM 拒绝读取，verifier 判为错",
    ),
    "R13-negative_ids": _kind("error", "ids that no tokenizer has", "出现词表外的 id"),
    "R13-mask_length": _kind(
        "error",
        "attention_mask and input_ids differ in length",
        "attention_mask 与 input_ids 长度不同",
    ),
    "R13-mask_not_ones": _kind(
        "warning", "attention_mask hides tokens", "attention_mask 遮住了 token"
    ),
    "R13-special_in_label": _kind(
        "warning",
        "labels hold special tokens, which the hosts leave out when they decode",
        "labels 含特殊 token，宿主解码时会丢掉它们",
    ),
    "R13-unreadable": Text("error", "{cause}", "{remedy}", "{cause}", "{remedy}"),
    "R13-no-input-ids": Text(
        "error",
        "there is no key input_ids: keys are {keys}",
        "copy all files of the prefix",
        "没有 input_ids：现有的键是 {keys}",
        "把这个前缀的文件拷全",
    ),
    "R13-clean": Text(
        "ok",
        "{total} rows looked at: prompts and nothing else",
        "",
        "检查了 {total} 行：只有提示，没有别的",
        "",
    ),
    "R13-no-rows": Text(
        "error", "the packed files have no rows", _AGAIN, "打包文件里没有行", "重新处理数据"
    ),
    "R13-shape": Text(
        "note",
        "{rows} rows, keys {keys}; prompt tokens {lengths}{sampled}",
        "",
        "{rows} 行，键 {keys}；提示 token 数 {lengths}{sampled_zh}",
        "",
    ),
    "R13-no-labels": Text(
        "warning",
        "there are no labels: rule verifiers get no reference answer",
        'name the answer\'s column: --map-keys \'{"prompt":...,"response":...}\'',
        "没有 labels：规则 verifier 拿不到参考答案",
        '写明答案列：--map-keys \'{"prompt":...,"response":...}\'',
    ),
    "R13-longer": Text(
        "warning",
        "{count} of {total} prompts are longer than max_prompt_length {limit} (longest {longest})",
        "the host leaves them out or cuts them: preprocess with --max-prompt-length {limit}, or "
        "raise max_prompt_length",
        "{total} 条提示中有 {count} 条长于 max_prompt_length {limit}（最长 {longest}）",
        "宿主会丢弃或截断它们：用 --max-prompt-length {limit} 重新处理，或调大 max_prompt_length",
    ),
}
