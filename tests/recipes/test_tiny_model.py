"""The tiny tokenizer loses nothing, whatever the text; the tiny model loads as any other."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the tiny model needs transformers")
pytest.importorskip("torch", reason="the tiny model needs torch")

from mindspeed_rl_ext.recipes.tasks.signs import split_problems
from mindspeed_rl_ext.recipes.tiny_model import EOS_TOKEN, TAGS, build_model, build_tokenizer

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@settings(max_examples=200)
@given(parts=st.lists(ANY_TEXT | st.sampled_from(TAGS) | st.integers(0, 99).map(str), max_size=8))
def test_every_text_survives_encode_and_decode(tokenizer: Any, parts: list[str]) -> None:
    text = "".join(parts)
    ids = tokenizer.encode(text, add_special_tokens=False)
    if EOS_TOKEN not in text and tokenizer.pad_token not in text:
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_labels_and_prompts_of_the_task_survive_as_hosts_decode_them(tokenizer: Any) -> None:
    train, held_out = split_problems(0)
    for problem in train + held_out:
        for text in (problem.prompt, problem.answer):
            ids = tokenizer.encode(text, add_special_tokens=False)
            assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_a_number_below_100_and_a_tag_are_one_token_each(tokenizer: Any) -> None:
    for text in [*map(str, range(100)), *TAGS]:
        assert len(tokenizer.encode(text, add_special_tokens=False)) == 1


def test_tags_are_not_special_tokens(tokenizer: Any) -> None:
    assert not set(TAGS) & set(tokenizer.all_special_tokens)


@pytest.fixture(scope="module")
def beside_a_config(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tokenizer as users load it: beside the config.json of a Qwen2."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("model")
    tokenizer.save_pretrained(folder)
    build_model(tokenizer, seed=0).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@settings(max_examples=200)
@given(parts=st.lists(ANY_TEXT | st.sampled_from(TAGS) | st.integers(0, 200).map(str), max_size=8))
def test_beside_a_qwen2_config_it_gives_the_same_ids(
    tokenizer: Any, beside_a_config: Any, parts: list[str]
) -> None:
    # Transformers 5 loads such a directory as Qwen2Tokenizer, which splits every digit off
    # and composes characters (NFC).
    text = unicodedata.normalize("NFC", "".join(parts))
    assert beside_a_config.encode(text) == tokenizer.encode(text)


def test_beside_a_qwen2_config_it_has_the_same_end_and_padding(
    tokenizer: Any, beside_a_config: Any
) -> None:
    assert beside_a_config.eos_token_id == tokenizer.eos_token_id
    assert beside_a_config.pad_token_id == tokenizer.pad_token_id
    # It may add a token of its own, which nothing produces; the model has rows for ours.
    assert len(beside_a_config) >= len(tokenizer)


def test_the_same_seed_gives_the_same_weights(tokenizer: Any) -> None:
    import torch

    first, again, other = (build_model(tokenizer, seed) for seed in (0, 0, 1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    weight = "model.embed_tokens.weight"
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])
