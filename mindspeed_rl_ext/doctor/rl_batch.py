"""R1, sizes: cards, parallel groups, batches and dispatch sizes of MindSpeed-RL.

Covers: what the host's own validation divides, with the numbers. Does not cover: memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.run_rl import RlRun

# Dispatch size to what bounds it: one training DP rank, one rollout DP rank, or the whole step.
DISPATCH = {
    "actor_rollout_dispatch_size": "rollout",
    "actor_logprob_dispatch_size": "train",
    "actor_update_dispatch_size": "train",
    "ref_dispatch_size": "train",
    "reward_dispatch_size": "step",
    "adv_dispatch_size": "step",
}


POSITIVE = (
    "global_batch_size",
    "micro_batch_size",
    "tensor_model_parallel_size",
    "pipeline_model_parallel_size",
    "context_parallel_size",
    "expert_model_parallel_size",
    "seq_length",
    "n_samples_per_prompt",
    "mini_batch_size",
    "max_prompt_length",
    "infer_tensor_parallel_size",
    "max_model_len",
    "ppo_mini_batch_size",
    "num_samples_per_step",
    "num_gpus_for_train",
    "num_gpus_for_infer",
)


def positive(*parts: Layers) -> Iterator[Finding]:
    """Sizes are above 0; the other rules take them for granted."""
    for layers in parts:
        for key in POSITIVE:
            value = layers.number(key)
            if layers.has(key) and value is not None and value <= 0:
                yield Finding("R1-positive", layers.place(key), {"key": key, "value": value})


def sizes(run: RlRun) -> Iterator[Finding]:
    """The sizes of MindSpeed-RL."""
    return positive(run.actor, run.rl, run.generate)


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


def _training(run: RlRun, npus: int, gbs: int) -> Iterator[Finding]:
    sizes = _sizes(run)
    if npus % sizes["product"]:
        place = run.document.place("rl_config", "actor_resource", "num_npus")
        yield Finding("R1-npus", place, {"npus": npus, **sizes})
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
            yield Finding("R1-dp", layers.place(key), values)
            continue
        each, mbs = prompts // dp * sizes["n"], run.actor.size("micro_batch_size")
        if each % mbs:
            values = {"gbs": prompts, "dp": dp, "each": each, "mbs": mbs, "n": sizes["n"]}
            yield Finding("R1-micro", run.actor.place("micro_batch_size"), values)


def _rollout(run: RlRun, npus: int, gbs: int) -> Iterator[Finding]:
    tp, pp = (
        run.generate.size("infer_tensor_parallel_size"),
        run.generate.size("infer_pipeline_parallel_size"),
    )
    if pp > 1:
        yield Finding("R1-infer-pp", run.generate.place("infer_pipeline_parallel_size"), {"pp": pp})
        return
    place = run.generate.place("infer_tensor_parallel_size")
    if npus % tp:
        yield Finding("R1-infer-npus", place, {"npus": npus, "tp": tp})
    elif gbs % (npus // tp):
        values = {"gbs": gbs, "dp": npus // tp, "npus": npus, "tp": tp}
        yield Finding("R1-infer-dp", place, values)


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
            yield Finding("R1-dispatch-large", run.rl.place(key), values)
        elif total % size:
            yield Finding("R1-dispatch", run.rl.place(key), values)


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
    return Finding("R1-holds", run.document.place("rl_config"), values)


def heads_and_layers(run: RlRun) -> Iterator[Finding]:
    """Heads over TP, layers over PP."""
    actor = run.actor
    tp, pp = actor.size("tensor_model_parallel_size"), actor.size("pipeline_model_parallel_size")
    for key in ("num_attention_heads", "num_query_groups"):
        count = actor.number(key)
        if count and int(count) % tp:
            values = {"what": key, "count": count, "size": tp}
            place = actor.place("tensor_model_parallel_size")
            yield Finding("R1-heads", place, {**values, "size_name": "TP"})
    layers, listed = actor.number("num_layers"), actor.get("num_layer_list")
    if not layers:
        return
    if listed is None and not actor.has("noop_layers") and int(layers) % pp:
        values = {"what": "num_layers", "count": layers, "size_name": "PP", "size": pp}
        yield Finding("R1-heads", actor.place("pipeline_model_parallel_size"), values)
    counts = str(listed).split(",") if listed is not None else []
    if counts and all(count.strip().isdigit() for count in counts):
        total = sum(map(int, counts))
        if (len(counts), total) != (pp, int(layers)) and not actor.has("noop_layers"):
            values = {"sum": total, "stages": len(counts), "layers": layers, "pp": pp}
            yield Finding("R1-layer-list", actor.place("num_layer_list"), values)
