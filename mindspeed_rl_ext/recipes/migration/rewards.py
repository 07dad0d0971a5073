"""The verifiers of a MindSpeed-RL configuration as arguments of our reward manager in verl.

Covers: names of ours, names of the host (the verifier of ours in their place is said), weights, the
overlong buffer of DAPO. Does not cover: reward models; they are refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.responses.host_verifiers import RL_VERIFIERS
from mindspeed_rl_ext.doctor.readers.verl.known import OUR_MANAGER
from mindspeed_rl_ext.recipes.migration.rows import REWARD_KWARGS, RL, Pair, Source
from mindspeed_rl_ext.verifiers.registry import find_verifier, registry_names


def reward_pairs(source: Source) -> Iterable[Pair]:
    """The manager and what it scores with.

    Raises:
        InputError: a reward model, an unknown verifier, weights that do not fit.
    """
    rl = source.part(RL)
    if rl.get("rule_reward") is False:
        raise InputError(
            f"{rl.place('rule_reward')}: rewards come from a model, which is not translated",
            expected="rule_reward: true with verifier_function",
            remedy="name verifiers, or write reward.reward_model.* of verl by hand",
        )
    verifiers = [_ours(source, name) for name in rl.names("verifier_function")]
    given = rl.get("verifier_weight")
    weights = given if isinstance(given, list) else [given]
    if not rl.has("verifier_weight"):
        weights = [1.0] * len(verifiers)
    if len(weights) != len(verifiers):
        raise InputError(
            f"{rl.place('verifier_weight')}: {len(weights)} weights for {len(verifiers)} verifiers",
            expected="one weight for each verifier",
        )
    if rl.get("overlong_buffer_enable"):
        tokens, buffer = rl.number("rollout_max_tokens"), rl.number("overlong_buffer")
        verifiers.append(f"overlong(max_tokens={tokens}, buffer={buffer})")
        factor = rl.number("overlong_buffer_penalty_factor")
        weights = [*weights, 1.0 if factor is None else factor]
    yield "reward.reward_manager.name", OUR_MANAGER
    yield f"{REWARD_KWARGS}.verifiers", verifiers
    yield f"{REWARD_KWARGS}.weights", weights
    if rl.number("verifier_timeout"):
        yield f"{REWARD_KWARGS}.timeout_s", rl.number("verifier_timeout")


def _ours(source: Source, name: str) -> str:
    """A verifier of ours: itself, or the one in the place of the host's."""
    if find_verifier(name) is not None:
        return name
    place = source.part(RL).place("verifier_function")
    host = RL_VERIFIERS.get(name)
    if host is None:
        raise InputError(
            f"{place}: {name} is a verifier neither of ours nor of MindSpeed-RL's",
            remedy=nearest(name, [*registry_names(), *RL_VERIFIERS]),
        )
    first = host.ours.split(", ")[0]
    if find_verifier(first) is None:
        raise InputError(
            f"{place}: MindSpeed-RL's {name} has no counterpart among our verifiers",
            found=host.does.en,
            remedy="leave it out, or write your own verifier and name it",
        )
    others = host.ours.removeprefix(first).lstrip(", ")
    source.notes.append(
        Text(
            f"MindSpeed-RL's {name} ({host.does.en}) becomes {first}"
            + (f"; also to choose from: {others}" if others else ""),
            f"MindSpeed-RL 的 {name}（{host.does.zh}）换成 {first}"
            + (f"；也可选 {others}" if others else ""),
        )
    )
    return first
