"""Prompt-only by construction: no token depends on the last response, with any tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.pipeline import Packed, Pipeline
from mindspeed_rl_ext.preprocess.record import Row
from mindspeed_rl_ext.preprocess.templates.chat_template import ChatTemplate
from mindspeed_rl_ext.preprocess.templates.template import load_template
from mindspeed_rl_ext.preprocess.templates.tokenizer import (
    DirectTokenizer,
    Tokenizer,
    TransformersTokenizer,
    load_tokenizer,
    wrap_transformers,
)

transformers = pytest.importorskip("transformers", reason="extra [data] is not installed")

CORPUS = ["How many apples are there? The answer is 72.", "0123456789 abc #### secret 551177"] * 30
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
KEYS = {"prompt": "q", "response": "a", "system": "s", "history": "h"}


def unigram(_: Path, folder: Path) -> Tokenizer:
    """A Unigram model with sentencepiece's word marks, trained here."""
    tokenizers = pytest.importorskip("tokenizers", reason="extra [data] is not installed")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    trainer = tokenizers.trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return DirectTokenizer(tokenizer, "unigram", None, "</s>")


def sentencepiece(_: Path, folder: Path) -> Tokenizer:
    """A slow tokenizer over a sentencepiece model, trained here."""
    library = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    module = pytest.importorskip(
        "transformers.tokenization_utils_sentencepiece", reason="no slow sentencepiece tokenizer"
    )
    library.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_prefix=str(folder / "spm"),
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    slow = module.SentencePieceBackend(vocab_file=str(folder / "spm.model"), eos_token="</s>")
    ours = wrap_transformers(slow, name="sentencepiece")
    assert isinstance(ours, TransformersTokenizer)
    return ours


def fast(source: Path, _: Path) -> Tokenizer:
    return load_tokenizer(source)


@pytest.fixture(scope="module", params=[fast, unigram, sentencepiece], ids=lambda f: f.__name__)
def tokenizer(
    request: pytest.FixtureRequest, tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Tokenizer:
    return request.param(tokenizer_dir, tmp_path_factory.mktemp("trained"))


def pipeline(tokenizer: Tokenizer, template: Any) -> Pipeline:
    options = PreprocessOptions(
        input=Path("rows"), tokenizer_name_or_path="t", output_prefix=Path("out"), map_keys=KEYS
    )
    return Pipeline(options, template, tokenizer)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
conversations = st.fixed_dictionaries(
    {
        "q": texts.filter(str.strip),
        "s": texts,
        "h": st.lists(st.tuples(texts, texts).map(list), max_size=3),
    }
)
answers = st.one_of(
    texts, st.integers(), st.lists(st.integers(), max_size=3), texts.map("#### {}".format)
)


def check_that_nothing_depends_on_the_answer(
    made: Pipeline, conversation: dict[str, Any], pair: tuple[Any, Any]
) -> None:
    packed = []
    for answer in pair:
        row = Row(1, {**conversation, "a": answer})
        packed += [one for one in made.encode(made.prepare([row])) if isinstance(one, Packed)]
    if len(packed) == 2:
        first, second = (one.ids for one in packed)
        assert first["input_ids"] == second["input_ids"]
        assert list(first["attention_mask"]) == list(second["attention_mask"])
    for one in packed:
        again = made.encoder.encode([one.record.prompt])
        assert one.ids["input_ids"] == again[0]


@settings(max_examples=60, deadline=None)
@given(conversation=conversations, pair=st.tuples(answers, answers))
@pytest.mark.parametrize("prompt_type", ["empty", "qwen", "qwen_r1"])
def test_no_token_depends_on_the_last_response(
    tokenizer: Tokenizer, prompt_type: str, conversation: dict[str, Any], pair: tuple[Any, Any]
) -> None:
    made = pipeline(tokenizer, load_template(prompt_type))
    check_that_nothing_depends_on_the_answer(made, conversation, pair)


@pytest.fixture(scope="module")
def chat_tokenizer(tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("chat") / "t"
    shutil.copytree(tokenizer_dir, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": CHAT}))
    return transformers.AutoTokenizer.from_pretrained(str(folder))


@settings(max_examples=40, deadline=None)
@given(conversation=conversations, pair=st.tuples(answers, answers))
def test_no_token_of_a_chat_template_depends_on_the_last_response(
    chat_tokenizer: Any, conversation: dict[str, Any], pair: tuple[Any, Any]
) -> None:
    made = pipeline(wrap_transformers(chat_tokenizer), ChatTemplate(chat_tokenizer))
    check_that_nothing_depends_on_the_answer(made, conversation, pair)


@settings(max_examples=40, deadline=None)
@given(conversation=conversations)
def test_a_chat_template_gives_the_ids_of_apply_chat_template(
    chat_tokenizer: Any, conversation: dict[str, Any]
) -> None:
    made = pipeline(wrap_transformers(chat_tokenizer), ChatTemplate(chat_tokenizer))
    messages = [{"role": "system", "content": conversation["s"]}] if conversation["s"] else []
    for question, answer in conversation["h"]:
        messages += [{"role": "user", "content": question}]
        messages += [{"role": "assistant", "content": answer}]
    messages += [{"role": "user", "content": conversation["q"]}]
    expected = chat_tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    row = Row(1, {**conversation, "a": 1})
    for one in made.encode(made.prepare([row])):
        assert not isinstance(one, Packed) or one.ids["input_ids"] == expected
