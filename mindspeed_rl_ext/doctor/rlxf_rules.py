"""R2 to R5, I10 and what the R1-Zero note says of rlxf configurations of MindSpeed-LLM.

Covers: the formulas as the host applies them, not as the notes write them.
Does not cover: rewards, which both hosts share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from mindspeed_rl_ext.doctor.finding import Finding
from mindspeed_rl_ext.doctor.keys_rlxf import FLAGS
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.rl_batch import positive
from mindspeed_rl_ext.doctor.run_rlxf import ROLE_PATHS, RlxfRun

TP, PP = "tensor_model_parallel_size", "pipeline_model_parallel_size"
TEMPERATURES = (0.8, 1.2)


def _parallel(role: Layers) -> tuple[int, int]:
    return role.size(TP), role.size(PP)


def batches(run: RlxfRun) -> Iterator[Finding]:
    """R2, R3: training and rollout each have a DP of their own, and both divide the batch."""
    actor = run.actor
    (tp, pp), gbs = _parallel(actor), actor.number("global_batch_size")
    train, infer = actor.number("num_gpus_for_train"), actor.number("num_gpus_for_infer")
    if not train or not infer or not gbs:
        return
    values = {"tp": tp, "pp": pp, "product": tp * pp, "cards": train}
    if train % (tp * pp):
        yield Finding("R2-train", actor.place("num_gpus_for_train"), values)
        return
    if infer % tp:
        yield Finding("R2-infer", actor.place("num_gpus_for_infer"), {"cards": infer, "tp": tp})
        return
    dp, idp = train // (tp * pp), infer // tp
    found = [*_divided(actor, dp, idp)]
    yield from found
    if not found:
        note = f"{(train + infer) / (tp * pp):g}"
        sizes = {"dp": dp, "idp": idp, "train": train, "infer": infer, "note": note}
        yield Finding("R2-holds", actor.place("num_gpus_for_train"), {**values, **sizes})


def _divided(actor: Layers, dp: int, idp: int) -> Iterator[Finding]:
    mbs, each = actor.size("micro_batch_size"), actor.size("num_samples_per_step")
    for key in ("global_batch_size", "ppo_mini_batch_size"):
        size = actor.number(key)
        if not size:
            continue
        if key == "global_batch_size" and size % (dp * mbs):
            values = {"key": key, "gbs": size, "dp": dp, "mbs": mbs, "product": dp * mbs}
            yield Finding("R2-batch", actor.place(key), values)
        lost = size % (idp * each)
        if lost:
            rule = "R3-prompts" if key == "global_batch_size" else "R3-mini"
            values = {"key": key, "gbs": size, "dp": idp, "each": each, "lost": lost}
            yield Finding(rule, actor.place(key), {**values, "product": idp * each})


def pools(run: RlxfRun) -> Iterator[Finding]:
    """R4: the cards of the pools are those of the roles."""
    actor, pool = run.actor, run.pool("actor_rollout")
    train, infer = actor.number("num_gpus_for_train"), actor.number("num_gpus_for_infer")
    if pool is not None and train and infer and sum(pool) != train + infer:
        values = {"pool": pool, "sum": sum(pool), "train": train, "infer": infer}
        place = run.document.place("resource_pool", "actor_rollout")
        yield Finding("R4-pool", place, {**values, "cards": train + infer})
    for role in ("ref", "critic", "reward"):
        cards = run.pool(role)
        if role not in run.roles or not cards:
            continue
        tp, pp = _parallel(run.roles[role])
        if sum(cards) % (tp * pp):
            values = {"role": role, "pool": cards, "sum": sum(cards), "product": tp * pp}
            yield Finding("R4-role", run.document.place("resource_pool", role), values)


def cards(run: RlxfRun) -> Iterator[Finding]:
    """S0-18: who runs on how many cards."""
    actor = run.actor
    counts = {
        "train": actor.number("num_gpus_for_train"),
        "infer": actor.number("num_gpus_for_infer"),
        **{role: sum(run.pool(role) or []) for role in ("ref", "critic", "reward")},
    }
    given = {role: count for role, count in counts.items() if count}
    each = ", ".join(f"{role} {count}" for role, count in given.items())
    values = {"cards": f"{each}; {sum(given.values())} in all"}
    values["cards_zh"] = f"{each}；共 {sum(given.values())} 张"
    yield Finding("S0-18", run.document.place("resource_pool"), values)


def response_length(run: RlxfRun) -> Iterator[Finding]:
    """R5: what seq_length leaves for a response."""
    actor = run.actor
    sequence, prompt = actor.number("seq_length"), actor.number("max_prompt_length")
    if not sequence or not prompt:
        return
    tokens, pad = sequence - prompt, actor.size("pad_to_multiple_of")
    values = {"seq": sequence, "prompt": prompt, "tokens": tokens, "pad": pad}
    place = actor.place("max_prompt_length")
    if tokens <= 0:
        yield Finding("R5-response", place, values)
    elif tokens % pad:
        yield Finding("R5-pad", place, values)
    else:
        yield Finding("R5-length", place, values)
    positions = actor.number("max_position_embeddings")
    if positions and sequence > positions:
        values = {"what": "seq_length", "length": sequence, "positions": positions}
        yield Finding("R6-positions", actor.place("seq_length"), values)


def sampling(run: RlxfRun) -> Iterator[Finding]:
    """S4-7, S4-9: samples differ, at a temperature that explores, on the training's TP."""
    actor = run.actor
    count = actor.size("n_samples_per_prompt")
    grouped = run.algorithm.get("adv_estimator") == "group_norm" or count > 1
    if grouped and not actor.get("do_sample"):
        yield Finding("S4-7", actor.place("do_sample"), {"n": count})
    temperature = actor.number("temperature")
    if temperature is not None and not TEMPERATURES[0] <= temperature <= TEMPERATURES[1]:
        yield Finding("S4-7-temperature", actor.place("temperature"), {"temperature": temperature})
    infer = actor.number("inference_tensor_model_parallel_size")
    if infer and infer != actor.size(TP):
        place = actor.place("inference_tensor_model_parallel_size")
        yield Finding("S4-9", place, {"infer": infer, "train": actor.size(TP)})


def one_checkpoint_one_cut(run: RlxfRun) -> Iterator[Finding]:
    """I10: roles that are cut differently do not load the same checkpoint."""
    by_load: dict[PurePosixPath, list[str]] = defaultdict(list)
    for name, role in run.roles.items():
        # Without an ORM the reward role is not built (an empty pool).
        if role.get("load") and (name != "reward" or run.pool(name)):
            by_load[PurePosixPath(str(role.get("load")))].append(name)
    for load, names in by_load.items():
        cuts = {name: _parallel(run.roles[name]) for name in names}
        if len(set(cuts.values())) > 1:
            spelled = ", ".join(f"{name} TP {tp} PP {pp}" for name, (tp, pp) in cuts.items())
            place = run.roles[names[-1]].place("load")
            yield Finding("I10", place, {"cuts": spelled, "load": load})


def keys_of_other_hosts(run: RlxfRun) -> Iterator[Finding]:
    """S4-13, and false keys that are no flags."""
    for path in (("training",), *ROLE_PATHS.values()):
        for key, value in run.document.table(*path).items():
            name = str(key).replace("-", "_")
            place = run.document.place(*path, str(key))
            if name == "has_labels":
                yield Finding("S4-13", place)
            elif value is False and name not in FLAGS:
                yield Finding("F-dropped", place, {"key": key})


def sizes(run: RlxfRun) -> Iterator[Finding]:
    """Sizes above 0."""
    return positive(run.actor)


RULES = (
    sizes,
    batches,
    pools,
    cards,
    response_length,
    sampling,
    one_checkpoint_one_cut,
    keys_of_other_hosts,
)
