from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import tokenize_prompt_and_output  # noqa: E402


class CharTokenizer:
    """One token a character; it would add a BOS if it were asked for special tokens."""

    pad_token_id: int | None = 0
    eos_token_id: int | None = 1

    def __call__(self, texts, add_special_tokens=True):
        bos = [2] if add_special_tokens else []
        return {"input_ids": [bos + [ord(c) for c in text] for text in texts]}


TEXTS = st.text(alphabet="abcdef", max_size=6)


def test_the_batch_is_padded_before_it_is_shifted():
    batch = tokenize_prompt_and_output(
        prompt_strs=["ab", "a"], output_strs=["cd", "e"], tokenizer=CharTokenizer()
    )
    a, b, c, d, e = map(ord, "abcde")
    assert batch["input_ids"].tolist() == [[a, b, c], [a, e, 0]]
    assert batch["labels"].tolist() == [[b, c, d], [e, 0, 0]]
    assert batch["response_mask"].tolist() == [[False, True, True], [True, False, False]]
    assert batch["response_mask"].dtype is torch.bool
    assert batch["input_ids"].dtype is batch["labels"].dtype is torch.int64


@given(st.lists(st.tuples(TEXTS.filter(bool), TEXTS), min_size=1, max_size=5))
def test_masked_labels_spell_each_output_and_nothing_else(pairs):
    prompts, outputs = [p for p, _ in pairs], [o for _, o in pairs]
    if max(len(p) + len(o) for p, o in pairs) < 2:
        return
    batch = tokenize_prompt_and_output(prompts, outputs, CharTokenizer())
    for row, (prompt, output) in enumerate(pairs):
        mask = batch["response_mask"][row]
        assert "".join(map(chr, batch["labels"][row][mask].tolist())) == output
        whole = [batch["input_ids"][row][0].item(), *batch["labels"][row].tolist()]
        assert "".join(map(chr, whole[: len(prompt) + len(output)])) == prompt + output
        assert set(whole[len(prompt) + len(output) :]) <= {0}


def test_a_prompt_without_its_output_is_refused():
    with pytest.raises(InputError, match="2 prompts, 1 outputs"):
        tokenize_prompt_and_output(["a", "b"], ["c"], CharTokenizer())


def test_nothing_to_predict_is_refused():
    with pytest.raises(InputError, match="nothing to predict"):
        tokenize_prompt_and_output(["a"], [""], CharTokenizer())


def test_the_end_token_pads_where_there_is_no_padding_token():
    tokenizer = CharTokenizer()
    tokenizer.pad_token_id = None
    batch = tokenize_prompt_and_output(["abc", "a"], ["d", "e"], tokenizer)
    assert batch["labels"][1].tolist() == [ord("e"), 1, 1]
    tokenizer.eos_token_id = None
    with pytest.raises(InputError, match=r"set tokenizer\.pad_token"):
        tokenize_prompt_and_output(["a"], ["d"], tokenizer)


def test_a_real_tokenizer_gives_the_ids_of_prompt_and_output_apart(real_data):
    transformers = pytest.importorskip("transformers", reason="needs a real tokenizer")
    tokenizer = transformers.AutoTokenizer.from_pretrained(real_data / "qwen2_tokenizer")
    prompt, output = "Two plus", " two is four"
    batch = tokenize_prompt_and_output([prompt, "x"], [output, " y"], tokenizer)
    ids = tokenizer.encode(prompt) + tokenizer.encode(output)
    assert [batch["input_ids"][0][0].item(), *batch["labels"][0].tolist()] == ids
    assert batch["response_mask"].sum(dim=1).tolist() == [
        len(tokenizer.encode(output)),
        len(tokenizer.encode(" y")),
    ]
