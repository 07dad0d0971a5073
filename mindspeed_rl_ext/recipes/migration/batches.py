"""How sizes of MindSpeed-RL are said in the words of verl: data, batches, lengths, cards.

Covers: data, batches, lengths, cards.
Does not cover: what is computed with them.
"""

from __future__ import annotations

from collections.abc import Iterable

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.recipes.migration.rows import (
    ACTOR,
    REF,
    RL,
    ROLLOUT,
    SAMPLING,
    TRAINING,
    Pair,
    Source,
)

# The host's defaults, where it has them beside the tables that the doctor knows.
MAX_TOKENS, MAX_TOKENS_OF_TABLE, PACKED = 128, 16, 4096
FILTER_SINCE = (0, 9)


def data_files(source: Source) -> Iterable[Pair]:
    """Parquet files in the place of the packed ones."""
    path = str(source.part(TRAINING).get("data_path") or "")
    stem = f"{path}data" if path.endswith("/") else path
    yield "data.train_files", f"{stem}.parquet"
    yield "data.val_files", f"{stem}_heldout.parquet"


def filters(source: Source) -> bool:
    """Whether groups are filtered, and the target reads that."""
    return bool(source.part(RL).get("filter_groups_enable")) and source.version >= FILTER_SINCE


def train_batch(source: Source) -> Iterable[Pair]:
    """Prompts per step."""
    size = source.part(TRAINING).get("global_batch_size")
    yield ("data.gen_batch_size" if filters(source) else "data.train_batch_size"), size


def filter_groups(source: Source) -> Iterable[Pair]:
    """Groups whose responses all have one reward are left out."""
    rl = source.part(RL)
    if not rl.get("filter_groups_enable"):
        return
    metric = str(rl.get("filter_groups_metric"))
    names = [name.partition("(")[0] for name in rl.names("verifier_function")]
    yield "algorithm.filter_groups.enable", True
    # The outcome of the answer; where one of several verifiers is meant, its own score.
    several = metric in names and len(names) > 1
    yield "algorithm.filter_groups.metric", f"{metric}_score" if several else "acc"
    yield "data.train_batch_size", rl.get("filter_groups_train_batch_size")


def mini_batch(source: Source) -> Iterable[Pair]:
    """Prompts per update: at most those of a step, which verl asserts."""
    size = int(source.part(RL).number("mini_batch_size") or 1)
    of_filter = source.part(RL).number("filter_groups_train_batch_size")
    step = of_filter if filters(source) else source.part(TRAINING).number("global_batch_size")
    if step and size > step:
        source.notes.append(
            Text(
                f"mini_batch_size {size} is lowered to {step}, the prompts per step: MindSpeed-RL "
                "takes them all, verl stops",
                f"mini_batch_size {size} 降为 {step}（每步的 prompt 数）："
                "MindSpeed-RL 会全部取用，verl 会报错",
            )
        )
        size = int(step)
    yield f"{ACTOR}.ppo_mini_batch_size", size


def micro_batches(source: Source) -> Iterable[Pair]:
    """Samples per forward pass of training; by tokens there is no such number."""
    if not source.part(RL).get("use_dynamic_bsz"):
        size = source.part(TRAINING).get("micro_batch_size") or 1
        yield f"{ACTOR}.ppo_micro_batch_size_per_gpu", size


def log_prob_batches(source: Source) -> Iterable[Pair]:
    """Samples per forward pass of log-probs; those of training where they are not given."""
    rl, micro = source.part(RL), source.part(TRAINING).get("micro_batch_size") or 1
    if rl.get("use_dynamic_bsz"):
        return
    for part, key in ((ROLLOUT, "actor"), (REF, "ref")):
        size = rl.get(f"{key}_forward_micro_batch_size") or micro
        yield f"{part}.log_prob_micro_batch_size_per_gpu", size


def packed_tokens(source: Source) -> Iterable[Pair]:
    """Tokens per forward pass."""
    if not source.part(RL).get("use_dynamic_bsz"):
        return
    yield f"{ACTOR}.use_dynamic_bsz", True
    yield f"{ACTOR}.ppo_max_token_len_per_gpu", _tokens(source, "update_max_packing_token_size")
    for part, key in ((ROLLOUT, "actor"), (REF, "ref")):
        tokens = _tokens(source, f"{key}_max_packing_token_size")
        yield f"{part}.log_prob_max_token_len_per_gpu", tokens


def _tokens(source: Source, key: str) -> int:
    """Tokens per forward pass: at least a prompt and a response, which verl asserts."""
    rl = source.part(RL)
    given = rl.number(key) or rl.number("max_packing_token_size") or PACKED
    prompt = rl.number("max_prompt_length") or 0
    longest = int(prompt + longest_response(source))
    if given < longest:
        source.notes.append(
            Text(
                f"{key} {given} is raised to {longest}, a prompt and a response: verl stops at a "
                "longer row",
                f"{key} {given} 提高到 {longest}（prompt 加回复）：更长的行会让 verl 报错",
            )
        )
    return max(int(given), longest)


def longest_response(source: Source) -> int:
    """Tokens of the longest response, those of all turns together."""
    rl, sampling = source.part(RL), source.part(SAMPLING)
    if rl.get("multi_turn_enable") and rl.number("max_total_response_length"):
        return int(rl.number("max_total_response_length"))
    table = source.run.document.table(*SAMPLING.split("."))
    return int(sampling.number("max_tokens") or (MAX_TOKENS_OF_TABLE if table else MAX_TOKENS))


def response_length(source: Source) -> Iterable[Pair]:
    """The longest response."""
    yield "data.max_response_length", longest_response(source)


def shuffled(source: Source) -> Iterable[Pair]:
    """Whether rows are shuffled."""
    yield "data.shuffle", not source.part(TRAINING).get("no_shuffle")


def shuffled_updates(source: Source) -> Iterable[Pair]:
    """Whether mini batches are shuffled."""
    rl = source.part(RL)
    yield f"{ACTOR}.shuffle", bool(rl.get("shuffle_mini_batch") or rl.get("shuffle_minibatch"))


def cards(source: Source) -> Iterable[Pair]:
    """Machines, and the cards of each."""
    npus = source.run.npus()
    if npus is None:
        raise InputError(
            f"{source.run.document.path} does not say how many cards the run has",
            expected="rl_config.actor_resource.num_npus",
        )
    each = min(npus, source.npus_per_node)
    if npus % each:
        raise InputError(
            f"{npus} cards are no whole number of machines",
            found=f"{each} cards of each",
            remedy="--npus-per-node N",
        )
    yield "trainer.nnodes", npus // each
    yield "trainer.n_gpus_per_node", each
