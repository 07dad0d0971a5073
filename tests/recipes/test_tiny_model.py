"""The tiny tokenizer loses nothing, whatever the text; the tiny model loads as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the tiny model needs transformers")
pytest.importorskip("torch", reason="the tiny model needs torch")

from mindspeed_rl_ext.recipes.countdown import split_problems
from mindspeed_rl_ext.recipes.tiny_model import EOS_TOKEN, TAGS, build_model, build_tokenizer

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@settings(max_examples=200, deadline=None)
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


def test_the_saved_tokenizer_gives_the_same_ids(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = '<think>12-10=2;</think><answer>{"a":[12,10]} 数'
    assert again.encode(text) == tokenizer.encode(text)


def test_the_same_seed_gives_the_same_weights(tokenizer: Any) -> None:
    import torch

    first, again, other = (build_model(tokenizer, seed) for seed in (0, 0, 1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    weight = "model.embed_tokens.weight"
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])
