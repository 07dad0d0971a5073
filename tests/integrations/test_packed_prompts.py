from __future__ import annotations

import json

import numpy as np
import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.run import preprocess

transformers = pytest.importorskip("transformers", reason="prompts are tokenised by transformers")


@pytest.fixture(scope="session")
def qwen(real_data):
    return transformers.AutoTokenizer.from_pretrained(real_data / "qwen2_tokenizer")


@pytest.fixture(scope="session")
def bos_tokenizer():
    """A byte-level tokenizer that puts a BOS in front by itself."""
    tokenizers = pytest.importorskip("tokenizers", reason="makes a tokenizer on the spot")
    from tokenizers import decoders, models, pre_tokenizers, processors

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate(["<s>", *alphabet])}
    made = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>")


def row(prompt_ids, answer_ids, **more) -> dict[str, np.ndarray]:
    keys = {"input_ids": prompt_ids, "attention_mask": [1] * len(prompt_ids), "labels": answer_ids}
    return {key: np.asarray(ids, dtype=np.int32) for key, ids in {**keys, **more}.items()}


def test_prompts_and_answers_come_back_as_text(qwen):
    prompt = "<|im_start|>user\n 你好 2 + 2 ?\n<|im_end|>\n<|im_start|>assistant\n"
    dataset = [row(qwen.encode(prompt), qwen.encode("4<|im_end|>"), level=qwen.encode("3"))]
    (found,) = packed_prompts(dataset, qwen)
    assert found == {"prompt": prompt, "answer": "4", "level": "3"}
    assert qwen(text=[found["prompt"]])["input_ids"][0] == list(dataset[0]["input_ids"])


def test_a_prompt_whose_ids_do_not_come_back_names_the_row(qwen):
    good = qwen.encode("hello world")
    split = qwen.encode("hel") + qwen.encode("lo")
    assert split != qwen.encode("hello")
    with pytest.raises(InputError, match=r"row 1: .*do not come back(.|\n)*text 'hello'"):
        packed_prompts([row(good, [1]), row(split, [1])], qwen)


def test_a_tokenizer_that_packed_nothing_of_this_is_found_out(qwen, bos_tokenizer):
    dataset = [row(bos_tokenizer.encode("hello"), [1])]
    with pytest.raises(InputError, match="row 0"):
        packed_prompts(dataset, qwen)


def test_a_bos_that_the_tokenizer_adds_is_not_doubled(bos_tokenizer):
    ids = bos_tokenizer.encode("Why?")
    assert ids[0] == bos_tokenizer.bos_token_id
    (found,) = packed_prompts([row(ids, bos_tokenizer.encode("so"))], bos_tokenizer)
    assert found == {"prompt": "Why?", "answer": "so"}


def test_a_bos_that_was_not_packed_is_found_out(bos_tokenizer):
    ids = bos_tokenizer.encode("Why?", add_special_tokens=False)
    with pytest.raises(InputError, match="at position 0"):
        packed_prompts([row(ids, [1])], bos_tokenizer)


def test_data_without_answers_are_refused(qwen):
    without = {"input_ids": np.asarray([1, 2]), "attention_mask": np.asarray([1, 1])}
    with pytest.raises(InputError, match=r"no labels\n(.|\n)*names a response"):
        packed_prompts([without], qwen)


def test_no_rows_are_refused(qwen):
    with pytest.raises(InputError, match="no rows"):
        packed_prompts([], qwen)


def test_the_files_that_preprocess_writes_come_back(real_data, qwen, tmp_path):
    source = tmp_path / "rows.jsonl"
    lines = (real_data / "math" / "gsm8k" / "test.jsonl").read_text("utf-8").splitlines()[:20]
    source.write_text("\n".join(lines), encoding="utf-8")
    options = PreprocessOptions(
        input=source,
        tokenizer_name_or_path=str(real_data / "qwen2_tokenizer"),
        output_prefix=tmp_path / "gsm8k",
        prompt_type="qwen_r1",
        map_keys={"prompt": "question", "query": "", "response": "answer"},
    )
    assert preprocess(options).kept == 20
    found = packed_prompts(read_packed(tmp_path / "gsm8k"), qwen)
    for line, made in zip(map(json.loads, lines), found, strict=True):
        assert line["question"].strip() in made["prompt"]
        assert "####" not in made["prompt"]
        assert made["answer"] == line["answer"].rsplit("####", 1)[1].strip().replace(",", "")
