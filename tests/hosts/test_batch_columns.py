"""Decoding prompts inside a host runs no code of a model directory, unless the host says so."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.hosts.points import batch_columns

# The tokenizer of a model directory that brings code; running it leaves a mark.
CODE = """
from pathlib import Path
from transformers import PreTrainedTokenizerFast

Path(__file__).with_name("ran").touch()
Path({mark!r}).touch()

class OwnTokenizer(PreTrainedTokenizerFast):
    pass
"""


@pytest.fixture
def model_with_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tmp_path / "model"
    folder.mkdir()
    words = tokenizers.models.WordLevel({"ask": 0, "a": 1, "<unk>": 2}, "<unk>")
    tokenizers.Tokenizer(words).save(str(folder / "tokenizer.json"))
    (folder / "own.py").write_text(CODE.format(mark=str(tmp_path / "ran")))
    config = {
        "tokenizer_class": "OwnTokenizer",
        "auto_map": {"AutoTokenizer": [None, "own.OwnTokenizer"]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"model_type": "own"}))
    return folder


@pytest.fixture
def prompt_of(monkeypatch: pytest.MonkeyPatch):
    """The prompt column, as a verifier asks for it while a host scores one response."""
    np = pytest.importorskip("numpy")
    module = SimpleNamespace(score=lambda batch, config: batch_columns.batch_column("prompt", 1))
    batch_columns.remember_batch(module, "score")
    batch_columns._load_tokenizer.cache_clear()

    def call(folder: Path, **training: object):
        config = SimpleNamespace(
            training=SimpleNamespace(tokenizer_name_or_path=str(folder), **training)
        )
        return module.score(SimpleNamespace(batch={"prompts": np.array([[0, 1]])}), config)

    return call


@pytest.mark.parametrize("said", [{}, {"trust_remote_code": False}, {"trust_remote_code": "no"}])
def test_code_of_a_model_directory_does_not_run(
    model_with_code: Path, prompt_of, tmp_path: Path, said: dict[str, object]
) -> None:
    # It is refused, or tokenizer.json is read without the code: versions of transformers differ.
    with suppress(InputError):
        assert prompt_of(model_with_code, **said) == ["ask a"]
    assert not (tmp_path / "ran").exists()


def test_it_runs_where_the_hosts_configuration_says_so(
    model_with_code: Path, prompt_of, tmp_path: Path
) -> None:
    assert prompt_of(model_with_code, trust_remote_code=True) == ["ask a"]
    assert (tmp_path / "ran").exists()


def test_a_tokenizer_that_can_not_be_loaded_is_named_with_the_remedy(
    tmp_path: Path, prompt_of
) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="no tokenizer from") as caught:
        prompt_of(tmp_path / "nothing")
    assert "trust_remote_code: true" in str(caught.value)
