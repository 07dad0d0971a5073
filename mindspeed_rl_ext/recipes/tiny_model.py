"""A Qwen2 and a tokenizer small enough for a CPU, made on the spot: nothing is downloaded.

Covers: a byte-level tokenizer that is lossless on every text, with one token for each number from
0 to 99 and for each tag; the tags are ordinary tokens, because hosts decode with
`skip_special_tokens=True`. A randomly initialised Qwen2 of 0.4 million parameters.
Does not cover: training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import MissingExtraError

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
PAD_TOKEN = "<|pad|>"
EOS_TOKEN = "<|end|>"

HIDDEN_SIZE = 128
NUM_LAYERS = 2
NUM_HEADS = 4
NUM_KEY_VALUE_HEADS = 2
FFN_HIDDEN_SIZE = 384
MAX_POSITIONS = 256


def build_tokenizer(folder: Path) -> Any:
    """Builds the tokenizer, saves it to a directory and returns it.

    Args:
        folder: made where it is missing; gets tokenizer.json and tokenizer_config.json.

    Returns:
        A transformers `PreTrainedTokenizerFast`.

    Raises:
        MissingExtraError: tokenizers or transformers is not installed.

    Example:
        >>> import tempfile
        >>> tokenizer = build_tokenizer(Path(tempfile.mkdtemp()))
        >>> tokenizer.decode(tokenizer.encode('{"a":[1,22]} <think> 数'))
        '{"a":[1,22]} <think> 数'
    """
    try:
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast
    except ImportError as error:
        raise MissingExtraError(error.name or "transformers", "train", "the tiny model") from error

    # Bytes without merges, and whole numbers and tags as added tokens, give the same ids under
    # every way to split text first: beside a Qwen2 config, transformers 5 loads Qwen2's own.
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(
        models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[])
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    whole = [*map(str, range(10, 100)), *TAGS]
    backend.add_tokens([AddedToken(text, special=False, normalized=False) for text in whole])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token=EOS_TOKEN,
        pad_token=PAD_TOKEN,
        padding_side="left",
        model_max_length=MAX_POSITIONS,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def build_model(tokenizer: Any, seed: int) -> Any:
    """Builds a randomly initialised Qwen2ForCausalLM for a tokenizer.

    Args:
        tokenizer: gives the vocabulary and the end and padding tokens.
        seed: of the initial weights.
    """
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN_SIZE,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=NUM_HEADS,
        num_key_value_heads=NUM_KEY_VALUE_HEADS,
        intermediate_size=FFN_HIDDEN_SIZE,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen2ForCausalLM(config).to(torch.float32)
