"""Tokenizers: the ids of transformers whichever way one is loaded, and directories without one."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.templates.tokenizer import (
    DirectTokenizer,
    TransformersTokenizer,
    load_tokenizer,
    load_with_transformers,
    wrap_transformers,
)
from mindspeed_rl_ext.preprocess.templates.tokenizer_files import load_direct

transformers = pytest.importorskip("transformers", reason="extra [data] is not installed")

TEXTS = [
    "What is 1,234 + 5?\n\n",
    " <think>x</think> <|im_start|>user\nI'LL go<|im_end|>\n",
    "你好，世界 e\u0301 ﬁ \u200b\t\r\n\\boxed{\\frac{1}{2}}",
    "#### -72.50 <|endoftext|>",
    "",
]


def assert_same(ours: Any, theirs: Any, texts: list[str]) -> None:
    for text in texts:
        ids = theirs.encode(text, add_special_tokens=False)
        assert ours.encode(text) == ids
        assert ours.encode_batch([text, text]) == [ids, ids]
        for skip in (False, True):
            assert ours.decode(ids, skip) == theirs.decode(ids, skip_special_tokens=skip)
    assert (ours.bos_id, ours.eos_id) == (theirs.bos_token_id, theirs.eos_token_id)


def test_qwen2_from_vocab_and_merges_is_that_of_auto_tokenizer(real_data: Path) -> None:
    folder = real_data / "qwen2_tokenizer"
    theirs = transformers.AutoTokenizer.from_pretrained(str(folder))
    lines = (real_data / "math" / "math500" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    problems = [json.loads(line)["problem"] for line in lines[:200]]
    assert load_direct(folder) is not None
    assert_same(load_tokenizer(folder), theirs, TEXTS + problems)


def test_qwen2_from_tokenizer_json_is_that_of_auto_tokenizer(
    real_data: Path, tmp_path: Path
) -> None:
    source = real_data / "qwen2_tokenizer"
    theirs = transformers.AutoTokenizer.from_pretrained(str(source))
    theirs.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    shutil.copy(source / "tokenizer_config.json", tmp_path / "tokenizer_config.json")
    assert load_direct(tmp_path) is not None
    again = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    assert_same(load_tokenizer(tmp_path), again, TEXTS)


def test_a_directory_that_transformers_saved_is_that_of_auto_tokenizer(
    real_data: Path, tmp_path: Path
) -> None:
    source = transformers.AutoTokenizer.from_pretrained(str(real_data / "qwen2_tokenizer"))
    source.save_pretrained(str(tmp_path))
    assert load_direct(tmp_path) is not None
    again = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    assert_same(load_tokenizer(tmp_path), again, TEXTS)


def test_a_plain_tokenizer_json_is_that_of_auto_tokenizer(tokenizer_dir: Path) -> None:
    assert load_direct(tokenizer_dir) is not None
    theirs = transformers.AutoTokenizer.from_pretrained(str(tokenizer_dir))
    assert_same(load_tokenizer(tokenizer_dir), theirs, TEXTS)


def change(folder: Path, to: Path, **settings: Any) -> Path:
    shutil.copytree(folder, to)
    config = json.loads((to / "tokenizer_config.json").read_text())
    (to / "tokenizer_config.json").write_text(json.dumps({**config, **settings}))
    return to


@pytest.mark.parametrize(
    "settings",
    [
        {"added_tokens_decoder": {"0": {"content": "<|endoftext|>", "special": False}}},
        {"added_tokens_decoder": {"9": {"content": "<new>", "special": True}}},
        {"additional_special_tokens": ["<new>"]},
        {"extra_special_tokens": ["<new>"]},
        {"extra_special_tokens": {"image_token": "<new>"}},
        {"clean_up_tokenization_spaces": True},
        {"add_prefix_space": True},
        {"split_special_tokens": True},
        {"tokenizer_class": "LlamaTokenizerFast"},
        {"tokenizer_class": "Qwen2Tokenizer"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_transformers_would_change_is_left_to_transformers(
    tokenizer_dir: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    assert load_direct(change(tokenizer_dir, tmp_path / "t", **settings)) is None


def test_added_tokens_that_only_the_config_has_become_tokens(
    tokenizer_dir: Path, tmp_path: Path
) -> None:
    folder = change(tokenizer_dir, tmp_path / "t", additional_special_tokens=["<new>"])
    theirs = transformers.AutoTokenizer.from_pretrained(str(folder))
    ours = load_tokenizer(folder)
    assert_same(ours, theirs, ["a<new>b"])
    assert len(ours.encode("<new>")) == 1


def test_the_class_that_model_type_forces_on_a_directory_is_respected(
    tokenizer_dir: Path, tmp_path: Path
) -> None:
    folder = change(tokenizer_dir, tmp_path / "t")
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    theirs = transformers.AutoTokenizer.from_pretrained(str(folder))
    assert_same(load_tokenizer(folder), theirs, ["How many 1234 apples?"])


def test_a_slow_tokenizer_is_used_through_its_own_methods(tmp_path: Path) -> None:
    vocab = "[PAD] [UNK] [CLS] [SEP] [MASK] a b ##c d"
    (tmp_path / "vocab.txt").write_text(vocab.replace(" ", "\n"), encoding="utf-8")
    module = pytest.importorskip(
        "transformers.models.bert_japanese.tokenization_bert_japanese", reason="no slow tokenizer"
    )
    slow = module.BertJapaneseTokenizer(
        str(tmp_path / "vocab.txt"),
        word_tokenizer_type="basic",
        subword_tokenizer_type="wordpiece",
    )
    ours = wrap_transformers(slow, name="slow")
    assert isinstance(ours, TransformersTokenizer)
    assert ours.encode_batch(["a bc d", "d"]) == [[5, 6, 7, 8], [8]]
    assert (ours.token_id("d"), ours.token_id("nope"), ours.name) == (8, None, "slow")


def test_a_fast_tokenizer_of_a_host_is_used_through_its_backend(tokenizer_dir: Path) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(str(tokenizer_dir))
    ours = wrap_transformers(theirs)
    assert isinstance(ours, DirectTokenizer)
    assert_same(ours, theirs, TEXTS)


def test_a_directory_without_a_tokenizer_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError) as caught:
        load_tokenizer(tmp_path)
    shown = str(caught.value)
    assert "tokenizer.json or vocab.json with merges.txt" in shown
    assert "found:    config.json" in shown


def test_a_missing_directory_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tokenizer directory"):
        load_tokenizer(tmp_path / "nope")


def test_a_broken_tokenizer_json_is_named(tokenizer_dir: Path, tmp_path: Path) -> None:
    folder = change(tokenizer_dir, tmp_path / "t")
    (folder / "tokenizer.json").write_text('{"model": ')
    with pytest.raises(InputError, match=r"tokenizer\.json is not a readable tokenizer"):
        load_tokenizer(folder)


def test_code_beside_a_tokenizer_is_not_run(tokenizer_dir: Path, tmp_path: Path) -> None:
    folder = change(
        tokenizer_dir,
        tmp_path / "t",
        tokenizer_class="MyTokenizer",
        auto_map={"AutoTokenizer": ["mine.MyTokenizer", None]},
    )
    (folder / "mine.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass MyTokenizer: pass"
    )
    with suppress(InputError):
        load_tokenizer(folder)
    assert not (tmp_path / "ran").exists()


def test_a_tokenizer_that_only_transformers_5_knows_is_named_with_what_to_do(
    tokenizer_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    def load(*words: object, **options: object) -> object:  # the words of transformers 4.43
        raise ValueError("Tokenizer class TokenizersBackend does not exist or is not imported.")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", load)
    with pytest.raises(InputError, match="saved by transformers 5") as found:
        load_with_transformers(tokenizer_dir)
    assert "PreTrainedTokenizerFast" in found.value.remedy
