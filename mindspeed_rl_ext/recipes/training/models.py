"""The policy and its tokenizer: loaded from a directory, or made on the spot.

Covers: HuggingFace directories; `tiny`, a random Qwen2, and `tiny_base`, the same after it has
read worked solutions of which few are boxed, as a base model has read the web; the refusal of a
tokenizer that is not the checkpoint's.
Does not cover: adapters (LoRA).
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import ExtError, InputError
from mindspeed_rl_ext.recipes.device import pick_device, use_one_thread
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.trainer.checkpoints import machine_fault

# Where a model that is made on the spot lies, under the output directory.
FOLDER = "model"
BASE_TRL: Mapping[str, Any] = {
    "max_steps": 200, "per_device_train_batch_size": 32, "learning_rate": 3e-3,
    "lr_scheduler_type": "cosine", "warmup_steps": 20, "weight_decay": 0.0, "save_strategy": "no",
}  # fmt: skip
# Of the texts that the base model reads: how many box their answer.
BOXED_FRACTION = 0.3


def _tiny(folder: Path, seed: int) -> None:
    from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer

    tokenizer = build_tokenizer(folder)
    build_model(tokenizer, seed).save_pretrained(folder)


def _tiny_base(folder: Path, seed: int) -> None:
    from mindspeed_rl_ext.recipes.training.rows.sft_rows import Example
    from mindspeed_rl_ext.recipes.training.stages.sft import imitate

    _tiny(folder, seed)
    texts = [Example(prompt, text) for prompt, text in _web_texts(seed)]
    with tempfile.TemporaryDirectory() as aside:
        trained = imitate(folder, texts, Path(aside), BASE_TRL, seed)
        shutil.copytree(trained, folder, dirs_exist_ok=True)


def _web_texts(seed: int) -> Iterator[tuple[str, str]]:
    """Worked solutions as the web writes them: most end in the number, some in a box."""
    from mindspeed_rl_ext.recipes.tasks import largest
    from mindspeed_rl_ext.recipes.training.rows.demonstrations import STYLES

    rng = random.Random(seed)
    train, _ = largest.split_problems(seed)
    for problem, solution in largest.solutions(train, 4_000, seed):
        boxed = rng.random() < BOXED_FRACTION
        text = STYLES["boxed"](solution) if boxed else solution.replace(" #### ", " so ")
        yield problem.prompt, text


MADE_HERE: Mapping[str, Callable[[Path, int], None]] = {"tiny": _tiny, "tiny_base": _tiny_base}


def is_made_here(recipe: Recipe) -> bool:
    """Whether the recipe's model is made on the spot."""
    return recipe.model in MADE_HERE


def model_folder(recipe: Recipe, output: Path) -> Path:
    """The directory of the recipe's model; one that is made on the spot is made now.

    Raises:
        InputError: there is no such directory.
    """
    if not is_made_here(recipe):
        folder = Path(recipe.model).expanduser()
        if not (folder / "config.json").is_file():
            raise InputError(
                f"no model at {recipe.model}",
                found="no config.json there" if folder.is_dir() else "no such directory",
                expected="a HuggingFace directory",
                remedy="the head of the recipe has the download commands; --set model=DIR",
            )
        return folder
    use_one_thread()
    folder = output / FOLDER
    # Written last, so that a half-made model is made again.
    if not (folder / "model.safetensors").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        MADE_HERE[recipe.model](folder, recipe.seed)
    return folder


def load_tokenizer(folder: Path) -> Any:
    """The transformers tokenizer of a directory, padding on the left."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_policy(folder: Path, recipe: Recipe, more: Mapping[str, Any] | None = None) -> Any:
    """The causal language model of a directory, in the recipe's dtype.

    Args:
        folder: a HuggingFace directory.
        recipe: says the dtype.
        more: further arguments of `from_pretrained`, such as attn_implementation.
    """
    import torch
    from transformers import AutoModelForCausalLM

    arguments = dict(more or {})
    name = str(arguments.pop("dtype", recipe.dtype)).removeprefix("torch.")
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise InputError(f"no dtype {name!r}", expected="float32 or bfloat16")
    try:
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **arguments)
    except Exception as error:  # transformers, torch and safetensors raise errors of many kinds
        if isinstance(error, ExtError) or machine_fault(error):
            raise
        raise InputError(
            f"the model at {folder} cannot be loaded",
            found=f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}",
            remedy="download or convert it again; msrl-ext inspect DIR looks at its files",
        ) from error


def on_device(model: Any) -> Any:
    """The model on the best device there is."""
    return model.to(pick_device())


def vocabulary_digest(tokenizer: Any) -> str:
    """A digest of every token and its id: two tokenizers with one digest encode alike or nearly so.

    Args:
        tokenizer: a transformers tokenizer.
    """
    table = sorted(tokenizer.get_vocab().items(), key=lambda item: (item[1], item[0]))
    return hashlib.sha256(json.dumps(table, ensure_ascii=False).encode()).hexdigest()


def require_same_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Refuses a checkpoint that was trained with another tokenizer.

    Args:
        tokenizer: the one of the data and of the stages before.
        folder: the checkpoint; its own tokenizer and vocabulary size are looked at.

    Raises:
        InputError: they differ.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    size = config.get("vocab_size")
    # transformers may add an unknown token of the class's default, which no text gives.
    known = {token: i for token, i in tokenizer.get_vocab().items() if token != tokenizer.unk_token}
    if isinstance(size, int) and max(known.values()) >= size:
        raise InputError(
            f"{folder} was trained with another tokenizer",
            found=f"an embedding of {size} rows; the tokenizer has {len(known)} tokens",
            remedy="give the checkpoint's own tokenizer and data that were made with it",
        )
    if not (folder / "tokenizer_config.json").is_file():
        return
    own = load_tokenizer(folder)
    if vocabulary_digest(own) != vocabulary_digest(tokenizer):
        raise InputError(
            f"{folder} was trained with another tokenizer",
            found=_first_difference(own, tokenizer),
            remedy="give the checkpoint's own tokenizer and data that were made with it",
        )


def _first_difference(own: Any, other: Any) -> str:
    mine, theirs = own.get_vocab(), other.get_vocab()
    for token, number in sorted(mine.items(), key=lambda item: item[1]):
        if theirs.get(token) != number:
            return f"token {token!r} is {number} there and {theirs.get(token)} here"
    return f"{len(mine)} tokens there and {len(theirs)} here"
