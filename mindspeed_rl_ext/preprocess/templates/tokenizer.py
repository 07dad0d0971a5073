"""One tokenizer interface over the `tokenizers` library and transformers.

Covers: a directory with tokenizer.json, or any that AutoTokenizer reads; batches in parallel (the
library's own threads). Where it is certain to give the ids of transformers, the library is used
directly, which saves the seconds that importing transformers costs (`tokenizer_files`).
Does not cover: code from a model directory, which is never run; the network, which is never asked.

Example:
    >>> load_tokenizer("no/such/dir")
    Traceback (most recent call last):
    ...
    mindspeed_rl_ext.core.errors.InputError: no tokenizer directory: no/such/dir
      remedy:   give a directory that holds tokenizer.json, or vocab.json with merges.txt
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.core.torch_import import without_device_extensions
from mindspeed_rl_ext.preprocess.templates import tokenizer_files

PROBES = ("What is 1,234 + 5?\n", " <think>x</think>  \u00e9\u4f60\u597d", "<|im_start|>user\n</s>")
# What transformers 5 writes as tokenizer_class for a tokenizer without a class of its own.
_CLASS_OF_TRANSFORMERS_5 = "TokenizersBackend"


class Tokenizer(Protocol):
    """What preprocessing needs of a tokenizer. No method adds special tokens."""

    name: str
    bos_id: int | None
    eos_id: int | None

    def encode(self, text: str) -> list[int]:
        """The token ids of a text."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text."""

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids."""

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        """The text of each row of token ids."""

    def token_id(self, text: str) -> int | None:
        """The id of one token by its text, None where there is none."""


class DirectTokenizer:
    """A tokenizer of the `tokenizers` library.

    Args:
        backend: a tokenizers.Tokenizer.
        name: where it came from.
        bos_token: its token of that role, or None.
        eos_token: its token of that role, or None.
    """

    def __init__(
        self, backend: Any, name: str, bos_token: str | None, eos_token: str | None
    ) -> None:
        backend.no_truncation()
        backend.no_padding()
        self.name = name
        self._backend = backend
        # Leaves out the offsets, which nothing here reads; older versions lack it.
        self._encode_batch = getattr(backend, "encode_batch_fast", backend.encode_batch)
        self.bos_id = self.token_id(bos_token) if bos_token else None
        self.eos_id = self.token_id(eos_token) if eos_token else None

    def encode(self, text: str) -> list[int]:
        """The token ids of a text."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text."""
        encoded = self._encode_batch(list(texts), add_special_tokens=False)
        return [one.ids for one in encoded]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids."""
        return self.decode_batch([ids], skip_special_tokens)[0]

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        """The text of each row of token ids."""
        plain = [[int(i) for i in row] for row in rows]
        texts: list[str] = self._backend.decode_batch(
            plain, skip_special_tokens=skip_special_tokens
        )
        return texts

    def token_id(self, text: str) -> int | None:
        """The id of one token by its text, None where there is none."""
        token_id: int | None = self._backend.token_to_id(text)
        return token_id


class TransformersTokenizer:
    """A tokenizer of transformers, used through its own methods.

    Args:
        wrapped: a transformers tokenizer, slow or fast.
    """

    def __init__(self, wrapped: Any) -> None:
        self.name = str(wrapped.name_or_path or type(wrapped).__name__)
        self._wrapped = wrapped
        self.bos_id: int | None = wrapped.bos_token_id
        self.eos_id: int | None = wrapped.eos_token_id

    def encode(self, text: str) -> list[int]:
        """The token ids of a text."""
        ids: list[int] = self._wrapped.encode(text, add_special_tokens=False)
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text."""
        return [self.encode(text) for text in texts]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of token ids."""
        plain = [int(i) for i in ids]
        text: str = self._wrapped.decode(plain, skip_special_tokens=skip_special_tokens)
        return text

    def decode_batch(
        self, rows: Sequence[Sequence[int]], skip_special_tokens: bool = False
    ) -> list[str]:
        """The text of each row of token ids."""
        return [self.decode(row, skip_special_tokens) for row in rows]

    def token_id(self, text: str) -> int | None:
        """The id of one token by its text, None where there is none."""
        token_id: int | None = self._wrapped.get_vocab().get(text)
        return token_id


def load_tokenizer(path: str | Path, *, workers: int = 0) -> Tokenizer:
    """Loads the tokenizer of a model directory.

    Args:
        path: the directory.
        workers: threads for batches, 0 for all cores; effective before the first batch of the
            process only.

    Raises:
        InputError: no such directory, or no tokenizer in it.
        MissingExtraError: transformers or tokenizers is not installed.
    """
    folder = _ready_folder(path, workers)
    direct = tokenizer_files.load_direct(folder)
    if direct is not None:
        return DirectTokenizer(direct.backend, str(path), direct.bos_token, direct.eos_token)
    return wrap_transformers(_auto_tokenizer(folder), name=str(path))


def load_with_transformers(path: str | Path, *, workers: int = 0) -> Any:
    """Loads a transformers tokenizer, as `load_tokenizer` where only the library will do."""
    return _auto_tokenizer(_ready_folder(path, workers))


def _ready_folder(path: str | Path, workers: int) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(
            f"no tokenizer directory: {path}",
            remedy="give a directory that holds tokenizer.json, or vocab.json with merges.txt",
        )
    tokenizer_files.require_some(folder)
    if workers:
        os.environ.setdefault("RAYON_NUM_THREADS", str(workers))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    return folder


def wrap_transformers(wrapped: Any, *, name: str = "") -> Tokenizer:
    """Wraps a transformers tokenizer, such as the one a host has loaded.

    A fast one is used through its backend where probes give the same ids and texts.
    """
    slow = TransformersTokenizer(wrapped)
    slow.name = name or slow.name
    backend = getattr(wrapped, "backend_tokenizer", None)
    if backend is None:
        return slow
    fast = DirectTokenizer(backend, slow.name, wrapped.bos_token, wrapped.eos_token)
    for text in PROBES:
        ids = slow.encode(text)
        if fast.encode(text) != ids or any(
            fast.decode(ids, skip) != slow.decode(ids, skip) for skip in (False, True)
        ):
            return slow
    return fast


def _auto_tokenizer(folder: Path) -> Any:
    try:
        with without_device_extensions():  # text needs none
            from transformers import AutoTokenizer
    except ImportError as error:
        raise MissingExtraError("transformers", "data", f"the tokenizer of {folder}") from error
    try:
        with without_device_extensions():  # some versions import torch only here
            return AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=False, local_files_only=True
            )
    except Exception as error:  # a parser of a broken file raises anything
        if _CLASS_OF_TRANSFORMERS_5 in str(error):
            raise InputError(
                f"the tokenizer of {folder} was saved by transformers 5, which is newer than yours",
                found=f"{type(error).__name__}: {error}",
                remedy="a host with this transformers can't load it either: take the tokenizer "
                "files of the original model, or set tokenizer_class to PreTrainedTokenizerFast "
                "in tokenizer_config.json",
            ) from error
        raise InputError(
            f"transformers can't load the tokenizer of {folder}",
            found=f"{type(error).__name__}: {error}",
            remedy="check that the download is complete; code in a model directory is never run",
        ) from error
