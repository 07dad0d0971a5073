"""Cards, parallel groups, batches and dispatch sizes of MindSpeed-RL.

Covers: what the host's own validation divides, with the numbers. Does not cover: memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import sizes_not_positive
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RlRun, RolloutRun
from mindspeed_rl_ext.doctor.rulebook import check, rule

# Dispatch size to what bounds it: one training DP rank, one rollout DP rank, or the whole step.
DISPATCH = {
    "actor_rollout_dispatch_size": "rollout",
    "actor_logprob_dispatch_size": "train",
    "actor_update_dispatch_size": "train",
    "ref_dispatch_size": "train",
    "reward_dispatch_size": "step",
    "adv_dispatch_size": "step",
}


@rule(
    "mini-batch-not-divisor",
    "warning",
    on=RolloutRun,
    en=(
        "mini_batch_size {mini} does not divide global_batch_size {gbs} (prompts): the last update "
        "of a step trains on fewer samples, silently",
        "choose a divisor of {gbs}",
    ),
    zh=(
        "mini_batch_size {mini} 不能整除 global_batch_size {gbs}（题数）：每步最后一次更新的样本会"
        "悄悄变少",
        "改成 {gbs} 的约数",
    ),
)
def mini_batches(run: RolloutRun) -> Iterator[At]:
    """Every update of a step trains on as many samples."""
    gbs, mini = run.actor.number("global_batch_size"), run.rl.number("mini_batch_size")
    if not gbs or not mini or gbs < 0 or mini < 0:
        return
    prompts, mini = trained_prompts(run, int(gbs)), int(mini)
    # Several batches at once are one update of all that there is.
    if prompts % mini and mini % prompts:
        yield at(run.rl.place("mini_batch_size"), mini=mini, gbs=prompts)


@rule(
    "size-not-positive",
    "error",
    on=RolloutRun,
    en=("{key} is {value}", "a number above 0"),
    zh=("{key} 是 {value}", "改为大于 0 的数"),
)
def sizes(run: RolloutRun) -> Iterator[At]:
    """Sizes are above 0; the other rules take them for granted."""
    for place, key, value in sizes_not_positive(run.actor, run.rl, run.generate):
        yield at(place, key=key, value=value)


@check(RolloutRun)
def batches(run: RlRun) -> Iterator[Finding]:
    """Cards into data-parallel ranks, the batch into ranks, a rank's samples into micro batches."""
    npus, gbs = run.npus(), run.actor.number("global_batch_size")
    if npus is None or gbs is None:
        return
    found = [*_training(run, npus, int(gbs)), *_rollout(run, npus, int(gbs))]
    if not found:
        found = [*_dispatch(run, npus, int(gbs))]
    yield from found
    if not found:
        yield _holds(run, npus, int(gbs))


def _sizes(run: RlRun) -> dict[str, int]:
    actor = run.actor
    return {
        "tp": actor.size("tensor_model_parallel_size"),
        "pp": actor.size("pipeline_model_parallel_size"),
        "cp": actor.size("context_parallel_size"),
        "product": run.train_parallel,
        "n": run.rl.size("n_samples_per_prompt"),
    }


def trained_prompts(run: RlRun, gbs: int) -> int:
    """Prompts that a step trains on: DAPO's filter fills a batch of its own size."""
    if run.rl.get("filter_groups_enable"):
        return int(run.rl.number("filter_groups_train_batch_size") or gbs)
    return gbs


CARDS_NOT_MULTIPLE_OF_PARALLEL_SIZES = rule(
    "cards-not-multiple-of-parallel-sizes",
    "error",
    on=RolloutRun,
    en=(
        "{npus} NPUs are not a multiple of TP x PP x CP = {tp} x {pp} x {cp} = {product}",
        "change num_npus, or the parallel sizes",
    ),
    zh=(
        "{npus} 张卡不是 TP x PP x CP = {tp} x {pp} x {cp} = {product} 的倍数",
        "调整 num_npus 或并行切分",
    ),
)
BATCH_NOT_MULTIPLE_OF_TRAINING_DP = rule(
    "batch-not-multiple-of-training-dp",
    "error",
    on=RolloutRun,
    en=(
        "global_batch_size {gbs} is not a multiple of DP {dp} ({npus} NPUs / {product})",
        "choose a multiple of {dp}",
    ),
    zh=("global_batch_size {gbs} 不是 DP {dp}（{npus} 卡 / {product}）的倍数", "改成 {dp} 的倍数"),
)
MICRO_BATCH_NOT_DIVISOR = rule(
    "micro-batch-not-divisor",
    "error",
    on=RolloutRun,
    en=(
        "a DP rank trains {each} samples (global_batch_size {gbs} / DP {dp} x {n} "
        "each), not a multiple of micro_batch_size {mbs}",
        "choose a micro_batch_size that divides {each}",
    ),
    zh=(
        "每个 DP 训练 {each} 条样本（global_batch_size {gbs} / DP {dp} x 每题 {n} "
        "条），不是 micro_batch_size {mbs} 的倍数",
        "micro_batch_size 应整除 {each}",
    ),
)


def _training(run: RlRun, npus: int, gbs: int) -> Iterator[Finding]:
    sizes = _sizes(run)
    if npus % sizes["product"]:
        place = run.document.place("rl_config", "actor_resource", "num_npus")
        yield CARDS_NOT_MULTIPLE_OF_PARALLEL_SIZES.at(place, npus=npus, **sizes)
        return
    dp = npus // sizes["product"]
    filtered = trained_prompts(run, gbs)
    keys = {"global_batch_size": gbs, "filter_groups_train_batch_size": filtered}
    for key, prompts in keys.items():
        layers = run.actor if key == "global_batch_size" else run.rl
        if key != "global_batch_size" and not run.rl.get("filter_groups_enable"):
            continue
        if prompts % dp:
            values = {"gbs": prompts, "dp": dp, "npus": npus, "product": sizes["product"]}
            yield BATCH_NOT_MULTIPLE_OF_TRAINING_DP.at(layers.place(key), **values)
            continue
        each, mbs = prompts // dp * sizes["n"], run.actor.size("micro_batch_size")
        if each % mbs:
            values = {"gbs": prompts, "dp": dp, "each": each, "mbs": mbs, "n": sizes["n"]}
            yield MICRO_BATCH_NOT_DIVISOR.at(run.actor.place("micro_batch_size"), **values)


ROLLOUT_PIPELINE_PARALLEL = rule(
    "rollout-pipeline-parallel",
    "error",
    on=RolloutRun,
    en=("infer_pipeline_parallel_size is {pp}; the host supports 1 only", "set it to 1"),
    zh=("infer_pipeline_parallel_size 是 {pp}；宿主只支持 1", "改为 1"),
)
CARDS_NOT_MULTIPLE_OF_ROLLOUT_TP = rule(
    "cards-not-multiple-of-rollout-tp",
    "error",
    on=RolloutRun,
    en=(
        "{npus} NPUs are not a multiple of infer_tensor_parallel_size {tp}",
        "choose a size that divides {npus}",
    ),
    zh=("{npus} 张卡不是 infer_tensor_parallel_size {tp} 的倍数", "改成能整除 {npus} 的值"),
)
BATCH_NOT_MULTIPLE_OF_ROLLOUT_DP = rule(
    "batch-not-multiple-of-rollout-dp",
    "error",
    on=RolloutRun,
    en=(
        "global_batch_size {gbs} is not a multiple of the rollout's DP {dp} ({npus} "
        "NPUs / TP {tp})",
        "choose a multiple of {dp}, or a larger infer_tensor_parallel_size",
    ),
    zh=(
        "global_batch_size {gbs} 不是推理 DP {dp}（{npus} 卡 / TP {tp}）的倍数",
        "改成 {dp} 的倍数，或调大 infer_tensor_parallel_size",
    ),
)


def _rollout(run: RlRun, npus: int, gbs: int) -> Iterator[Finding]:
    tp, pp = (
        run.generate.size("infer_tensor_parallel_size"),
        run.generate.size("infer_pipeline_parallel_size"),
    )
    if pp > 1:
        yield ROLLOUT_PIPELINE_PARALLEL.at(
            run.generate.place("infer_pipeline_parallel_size"), pp=pp
        )
        return
    place = run.generate.place("infer_tensor_parallel_size")
    if npus % tp:
        yield CARDS_NOT_MULTIPLE_OF_ROLLOUT_TP.at(place, npus=npus, tp=tp)
    elif gbs % (npus // tp):
        values = {"gbs": gbs, "dp": npus // tp, "npus": npus, "tp": tp}
        yield BATCH_NOT_MULTIPLE_OF_ROLLOUT_DP.at(place, **values)


DISPATCH_SIZE_TOO_LARGE = rule(
    "dispatch-size-too-large",
    "error",
    on=RolloutRun,
    en=(
        "{key} {size} is more than the {bound} samples that one DP rank has",
        "choose a divisor of {total} that is at most {bound}",
    ),
    zh=("{key} {size} 大于一个 DP 拥有的 {bound} 条样本", "改成 {total} 的约数，且不超过 {bound}"),
)
DISPATCH_SIZE_NOT_DIVISOR = rule(
    "dispatch-size-not-divisor",
    "error",
    on=RolloutRun,
    en=(
        "{key} {size} does not divide the {total} samples of a step",
        "choose a divisor of {total} that is at most {bound}",
    ),
    zh=("{key} {size} 不能整除一步的 {total} 条样本", "改成 {total} 的约数，且不超过 {bound}"),
)


def _dispatch(run: RlRun, npus: int, gbs: int) -> Iterator[Finding]:
    n = run.rl.size("n_samples_per_prompt")
    ranks = {
        "train": npus // run.train_parallel,
        "rollout": npus // run.generate.size("infer_tensor_parallel_size"),
        "step": 1,
    }
    for key, group in DISPATCH.items():
        size = run.rl.number(key)
        if not size:
            continue
        prompts = gbs
        if key in (
            "actor_logprob_dispatch_size",
            "adv_dispatch_size",
            "actor_update_dispatch_size",
        ):
            prompts = trained_prompts(run, gbs)
        total = prompts * n
        values = {"key": key, "size": size, "total": total, "bound": total // ranks[group]}
        if size > values["bound"]:
            yield DISPATCH_SIZE_TOO_LARGE.at(run.rl.place(key), **values)
        elif total % size:
            yield DISPATCH_SIZE_NOT_DIVISOR.at(run.rl.place(key), **values)


BATCH_SIZES_CONSISTENT = rule(
    "batch-sizes-consistent",
    "ok",
    on=RolloutRun,
    en=(
        "sizes go together: TP {tp} PP {pp} CP {cp}, training DP {dp}, rollout TP "
        "{itp} DP {idp}, {samples} samples a step ({gbs} prompts x {n})",
    ),
    zh=(
        "切分自洽：TP {tp} PP {pp} CP {cp}，训练 DP {dp}，推理 TP {itp} DP {idp}，每步 "
        "{samples} 条样本（{gbs} 题 x {n}）",
    ),
)


def _holds(run: RlRun, npus: int, gbs: int) -> Finding:
    sizes, itp = _sizes(run), run.generate.size("infer_tensor_parallel_size")
    values = {
        **sizes,
        "dp": npus // sizes["product"],
        "itp": itp,
        "idp": npus // itp,
        "gbs": gbs,
        "samples": gbs * sizes["n"],
    }
    return BATCH_SIZES_CONSISTENT.at(run.document.place("rl_config"), **values)


PARALLEL_SIZE_NOT_DIVISOR = rule(
    "parallel-size-not-divisor",
    "error",
    on=RlRun,
    en=(
        "{what} {count} is not a multiple of {size_name} {size}",
        "choose a size that divides {count}",
    ),
    zh=("{what} {count} 不是 {size_name} {size} 的倍数", "改成能整除 {count} 的值"),
)
LAYER_LIST_WRONG_SUM = rule(
    "layer-list-wrong-sum",
    "error",
    on=RlRun,
    en=(
        "num_layer_list adds up to {sum} over {stages} stages; the model has {layers} "
        "layers, PP is {pp}",
        "one number for each of {pp} stages, {layers} in all",
    ),
    zh=(
        "num_layer_list 共 {stages} 段、合计 {sum} 层；模型 {layers} 层，PP 为 {pp}",
        "写 {pp} 个数，合计 {layers}",
    ),
)


@check(RlRun)
def heads_and_layers(run: RlRun) -> Iterator[Finding]:
    """Heads over TP, layers over PP."""
    actor = run.actor
    tp, pp = actor.size("tensor_model_parallel_size"), actor.size("pipeline_model_parallel_size")
    for key in ("num_attention_heads", "num_query_groups"):
        count = actor.number(key)
        if count and int(count) % tp:
            values = {"what": key, "count": count, "size": tp}
            place = actor.place("tensor_model_parallel_size")
            yield PARALLEL_SIZE_NOT_DIVISOR.at(place, **values, size_name="TP")
    layers, listed = actor.number("num_layers"), actor.get("num_layer_list")
    if not layers:
        return
    if listed is None and not actor.has("noop_layers") and int(layers) % pp:
        values = {"what": "num_layers", "count": layers, "size_name": "PP", "size": pp}
        yield PARALLEL_SIZE_NOT_DIVISOR.at(actor.place("pipeline_model_parallel_size"), **values)
    counts = str(listed).split(",") if listed is not None else []
    if counts and all(count.strip().isdigit() for count in counts):
        total = sum(map(int, counts))
        if (len(counts), total) != (pp, int(layers)) and not actor.has("noop_layers"):
            values = {"sum": total, "stages": len(counts), "layers": layers, "pp": pp}
            yield LAYER_LIST_WRONG_SUM.at(actor.place("num_layer_list"), **values)
