"""The files of a tokenizer directory, and when they can be read without transformers.

Covers: tokenizer.json whose class transformers takes as it is, and Qwen2's vocab.json with
merges.txt; added tokens and roles of tokenizer_config.json must say the same as tokenizer.json.
Does not cover: everything else, which is left to transformers: other classes rebuild parts of
tokenizer.json from their own settings, and would give other ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

CONFIG = "tokenizer_config.json"
# Any one of these names a tokenizer that AutoTokenizer can load.
TOKENIZER_FILES = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("tokenizer.model",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("vocab.txt",),
)
TAKEN_AS_THEY_ARE = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})
QWEN2 = frozenset({"Qwen2Tokenizer", "Qwen2TokenizerFast"})
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Settings of tokenizer_config.json under which transformers changes ids or decoded text.
PLAIN_SETTINGS: dict[str, tuple[Any, ...]] = {
    "add_prefix_space": (None, False),
    "split_special_tokens": (None, False),
    "clean_up_tokenization_spaces": (False,),
    "auto_map": (None,),
}
# Lists of special tokens: the old name, and that of transformers 5.
SPECIAL_LISTS = ("additional_special_tokens", "extra_special_tokens")
FLAGS = ("lstrip", "rstrip", "normalized", "single_word", "special")


@dataclass(frozen=True)
class Direct:
    """A tokenizers.Tokenizer and its tokens by role."""

    backend: Any
    bos_token: str | None
    eos_token: str | None


def require_some(folder: Path) -> None:
    """Checks that a directory holds a tokenizer.

    Raises:
        InputError: it holds none; the message names what was looked for.
    """
    if not any(all((folder / name).is_file() for name in names) for names in TOKENIZER_FILES):
        there = sorted(path.name for path in folder.iterdir()) or ["an empty directory"]
        raise InputError(
            f"no tokenizer in {folder}",
            found=", ".join(there[:8]) + (", ..." if len(there) > 8 else ""),
            expected=" or ".join(" with ".join(names) for names in TOKENIZER_FILES),
            remedy="give the directory of the HuggingFace model, with its tokenizer files",
        )


def load_direct(folder: Path) -> Direct | None:
    """Reads a tokenizer without transformers; None where that could give other ids."""
    config = _read_object(folder / CONFIG)
    if config is None or (folder / "added_tokens.json").is_file():
        return None
    if any(config.get(name) not in allowed for name, allowed in PLAIN_SETTINGS.items()):
        return None
    kind = config.get("tokenizer_class")
    model_type = (_read_object(folder / "config.json") or {}).get("model_type")
    if "eos_token" not in config or not _class_is_certain(kind, model_type):
        return None
    try:
        import tokenizers
    except ImportError:
        return None
    if (folder / "tokenizer.json").is_file():
        backend = _from_json(tokenizers, folder / "tokenizer.json")
        if kind in QWEN2 and not _is_qwen2(tokenizers, backend):
            return None
    elif kind in QWEN2 and not (folder / "tokenizer.model").is_file():
        backend = _build_qwen2(tokenizers, folder, config)
    else:
        return None
    roles = {name: _token_text(config.get(name)) for name in ("bos_token", "eos_token")}
    if not _same_tokens(backend, config, _read_object(folder / "special_tokens_map.json") or {}):
        return None
    return Direct(backend, **roles)


def _class_is_certain(kind: Any, model_type: Any) -> bool:
    """Whether transformers will use that class: it lets model_type of config.json overrule it."""
    if kind in QWEN2:
        return model_type in (None, "qwen2", "qwen2_moe")
    return kind in TAKEN_AS_THEY_ARE and model_type is None


def _from_json(tokenizers: Any, path: Path) -> Any:
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise InputError(
            f"{path} is not a readable tokenizer",
            found=str(error),
            remedy="check that the download is complete, and the version of tokenizers",
        ) from error


def _qwen2_parts(tokenizers: Any) -> tuple[Any, Any]:
    split = tokenizers.pre_tokenizers.Split(
        tokenizers.Regex(QWEN2_SPLIT), behavior="isolated", invert=False
    )
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return tokenizers.normalizers.NFC(), tokenizers.pre_tokenizers.Sequence([split, byte_level])


def _is_qwen2(tokenizers: Any, backend: Any) -> bool:
    normalizer, pre_tokenizer = _qwen2_parts(tokenizers)
    return (
        backend.normalizer is not None
        and backend.pre_tokenizer is not None
        and _settings(backend.normalizer) == _settings(normalizer)
        and _settings(backend.pre_tokenizer) == _settings(pre_tokenizer)
    )


def _build_qwen2(tokenizers: Any, folder: Path, config: Mapping[str, Any]) -> Any:
    try:
        model = tokenizers.models.BPE.from_file(
            str(folder / "vocab.json"), str(folder / "merges.txt")
        )
    except Exception as error:  # the library raises bare Exception
        raise InputError(
            f"vocab.json and merges.txt of {folder} are not readable", found=str(error)
        ) from error
    backend = tokenizers.Tokenizer(model)
    backend.normalizer, backend.pre_tokenizer = _qwen2_parts(tokenizers)
    backend.decoder = tokenizers.decoders.ByteLevel()
    for _, token in sorted(_declared(config).items()):
        flags = {flag: token.get(flag, False) for flag in FLAGS}
        backend.add_tokens([tokenizers.AddedToken(token["content"], **flags)])
    return backend


def _same_tokens(backend: Any, config: Mapping[str, Any], roles_map: Mapping[str, Any]) -> bool:
    """Whether tokenizer_config.json says of added tokens and roles what the backend has."""
    added = backend.get_added_tokens_decoder()
    for token_id, token in _declared(config).items():
        mine = added.get(token_id)
        if mine is None or mine.content != token.get("content"):
            return False
        if any(getattr(mine, flag) != token.get(flag, False) for flag in FLAGS):
            return False
    special = {token.content for token in added.values() if token.special}
    named: set[str | None] = set()
    for table in (config, roles_map):
        for name, value in table.items():
            if name in SPECIAL_LISTS:
                if isinstance(value, Mapping) and value:
                    return False  # roles of a model's own, such as image tokens
                named.update(_token_text(token) for token in value or ())
            elif name.endswith("_token") and not name.startswith("add_"):
                if table is roles_map and _token_text(config.get(name)) != _token_text(value):
                    return False
                named.add(_token_text(value))
    return named - {None} <= special


def _declared(config: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    table = config.get("added_tokens_decoder") or {}
    return {int(token_id): token for token_id, token in table.items()}


def _token_text(value: Any) -> str | None:
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _settings(part: Any) -> Any:
    return json.loads(part.__getstate__())


def _read_object(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not readable JSON", found=str(error)) from error
    return table if isinstance(table, dict) else None
