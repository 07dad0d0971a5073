"""Templates: the text of each, and token ids against an expectation written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.templates.template import (
    Template,
    fill,
    load_template,
    parse_template,
)

THINKING = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant "
    "solves it. The assistant first thinks about the reasoning process in the mind and then "
    "provides the user with the answer. The reasoning process and answer are enclosed within "
    "<think> </think> and <answer> </answer> tags, respectively, i.e., <think> reasoning process "
    "here </think><answer> answer here </answer>"
)
HELPFUL = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
STEPS = "Please reason step by step, and put your final answer within \\boxed{}."
ASSISTANT = "<|im_end|>\n<|im_start|>assistant\n"
QUESTION = "What is 6 * 12 in \\LaTeX{}? 你好"

# Per template: the text before and after the question, as pieces that are encoded one by one.
EXPECTED = {
    "empty": [QUESTION],
    "qwen": [HELPFUL, f"<|im_start|>user\n{QUESTION}{ASSISTANT}"],
    "qwen_math_r1": [
        f"<|im_start|>system\n{STEPS}<|im_end|>\n",
        f"<|im_start|>user\n{QUESTION}{ASSISTANT}",
    ],
    "qwen_r1": [
        HELPFUL,
        f"<|im_start|>user\n{THINKING}Put your final answer within \\boxed{{}}.\n"
        f"{QUESTION}{ASSISTANT}",
    ],
    "cs336_r1_zero": [
        "A conversation between User and Assistant. The User asks a question, and the Assistant "
        "solves it. The Assistant first thinks about the reasoning process in the mind and then "
        "provides the User with the answer. The reasoning process is enclosed within <think> "
        "</think> and answer is enclosed within <answer> </answer> tags, respectively, i.e., "
        "<think> reasoning process here </think> <answer> answer here </answer>.\n"
        f"User: {QUESTION}\nAssistant: <think>",
    ],
    "qwen_r1_mindspeed_llm": [
        HELPFUL,
        f"<|im_start|>user\n{THINKING}Put your final answer within \\\\boxed{{}}. "
        f"{QUESTION}{ASSISTANT}",
    ],
    "qwen_r1_mindspeed_rl": [
        HELPFUL,
        f"<|im_start|>user\n{THINKING}. Put your final answer within \\boxed{{}}.\n"
        f"{QUESTION}{ASSISTANT}",
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_shipped_template_renders_the_text_written_here(name: str) -> None:
    assert load_template(name).render(Prompt(QUESTION)) == EXPECTED[name]


def test_every_shipped_template_has_an_expectation(repo_root: Path) -> None:
    entries = json.loads((repo_root / "configs" / "templates.json").read_text(encoding="utf-8"))
    assert {entry["name"] for entry in entries} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_ids_are_those_of_auto_tokenizer_piece_by_piece(name: str, real_data: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="extra [data] is not installed")
    from mindspeed_rl_ext.preprocess.templates.encode import PromptEncoder
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    folder = real_data / "qwen2_tokenizer"
    theirs = transformers.AutoTokenizer.from_pretrained(str(folder))
    expected = [i for text in EXPECTED[name] for i in theirs.encode(text, add_special_tokens=False)]
    encoder = PromptEncoder(load_template(name), load_tokenizer(folder))
    assert encoder.encode([Prompt(QUESTION)]) == [expected]


def test_history_keeps_assistant_turns_and_ends_them_with_the_first_stop_word(
    real_data: Path,
) -> None:
    transformers = pytest.importorskip("transformers", reason="extra [data] is not installed")
    from mindspeed_rl_ext.preprocess.templates.encode import PromptEncoder
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    folder = real_data / "qwen2_tokenizer"
    theirs = transformers.AutoTokenizer.from_pretrained(str(folder))
    pieces = [
        "<|im_start|>system\nBe brief.<|im_end|>\n",
        f"<|im_start|>user\nHi{ASSISTANT}",
        "Hello",
        "<|im_end|>",
        "\n",
        f"<|im_start|>user\nBye{ASSISTANT}",
    ]
    expected = [i for text in pieces for i in theirs.encode(text, add_special_tokens=False)]
    encoder = PromptEncoder(load_template("qwen"), load_tokenizer(folder))
    prompt = Prompt("Bye", system="Be brief.", history=(("Hi", "Hello"),))
    assert encoder.encode([prompt]) == [expected]


def test_empty_template_adds_a_system_prompt_only_where_the_row_brings_one() -> None:
    template = load_template("empty")
    assert template.render(Prompt("Q")) == ["Q"]
    assert template.render(Prompt("Q", system="S")) == ["S", "Q"]


def test_content_is_replaced_once_then_the_turn_number_once_as_the_hosts_do() -> None:
    assert fill(("{{content}} {{idx}}",), "see {{idx}} {{content}}", 3) == [
        "see 3 {{content}} {{idx}}"
    ]
    assert fill(("[{{idx}}] {{content}} {{content}}",), "x", 0) == ["[0] x {{content}}"]


def test_the_host_schema_of_tokens_prefix_and_llama2_is_read() -> None:
    entry = {
        "name": "llama2_like",
        "format_user": {"slots": [["bos_token"], "[INST] {{content}} [/INST]"]},
        "format_system": {"slots": ["<<SYS>>{{content}}<</SYS>>"]},
        "format_prefix": {"slots": [{"token": "[gMASK]"}]},
        "default_system": ["Be ", "kind."],
    }
    template = parse_template(entry)
    shown = [getattr(e, "text", getattr(e, "role", e)) for e in template.render(Prompt("Q"))]
    assert shown == ["[gMASK]", "bos", "[INST] <<SYS>>Be kind.<</SYS>>Q [/INST]"]


def test_unknown_prompt_type_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean qwen_math_r1"):
        load_template("qwen_mat_r1")


def test_prompt_type_path_reads_another_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps([{"name": "mine", "format_user": {"slots": ["Q: {{content}}"]}}]))
    assert load_template("mine", path).render(Prompt("x")) == ["Q: x"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "t", "format_user": {"slots": ["no placeholder"]}}, "has no {{content}}"),
        ({"name": "t", "format_separator": {"slots": ["{{content}}"]}}, "must not have"),
        ({"name": "t", "format_user": {"slots": [7, "{{content}}"]}}, "unknown slot"),
        ({"name": "t", "replace_eos": True}, "without stop_words"),
        ({"name": "t", "template_class": "ReasoningTemplate"}, "ReasoningTemplate"),
    ],
    ids=["no-placeholder", "placeholder-in-separator", "number", "no-stop-word", "reasoning"],
)
def test_a_template_that_can_not_be_right_is_refused(entry: dict, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_template(entry)
    assert message in str(caught.value)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(system=texts, turns=st.lists(st.tuples(texts, texts), max_size=3), question=texts)
def test_rendering_holds_every_text_of_a_conversation_in_order(
    system: str, turns: list[tuple[str, str]], question: str
) -> None:
    content = ("{{content}}",)
    template = Template("t", user=content, assistant=content, system=content)
    rendered = template.render(Prompt(question, system, tuple(turns)))
    wanted = [*([system] if system else []), *(x for turn in turns for x in turn), question]
    for element, text in zip(rendered, wanted, strict=True):
        assert element == text or "{{idx}}" in text
