"""KL estimators, aggregations and GRPO's variants against formulas in plain float64 Python."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import (  # noqa: E402
    AGGREGATIONS,
    GRPO_VARIANTS,
    KL_ESTIMATORS,
    aggregate_loss,
    compute_grpo_variant_loss,
    estimate_kl,
)

NATS = st.floats(-4, 0)
CLIPS = {"grpo": (0.2, 0.2), "grpo_token_mean": (0.2, 0.2), "dr_grpo": (0.2, 0.2),
         "dapo": (0.2, 0.28), "gspo": (3e-4, 4e-4)}  # fmt: skip
MAX_LENGTH = 7


@st.composite
def batches(draw):
    rows, length = draw(st.integers(1, 4)), draw(st.integers(1, 5))

    def matrix(values):
        row = st.lists(values, min_size=length, max_size=length)
        return draw(st.lists(row, min_size=rows, max_size=rows))

    mask = matrix(st.booleans())
    for row in mask:
        row[0] |= not any(row)
    advantages = draw(st.lists(st.floats(-2, 2), min_size=rows, max_size=rows))
    return matrix(NATS), matrix(NATS), matrix(NATS), advantages, mask


def expected_kl(name, policy, reference):
    r = math.exp(reference - policy)
    return {"k1": -math.log(r), "k2": math.log(r) ** 2 / 2, "k3": r - 1 - math.log(r)}[name]


def expected_loss(variant, policy, old, reference, advantages, mask, kl_weight, estimator):
    low, high = CLIPS[variant]
    rows = []
    for p, o, ref, a, m in zip(policy, old, reference, advantages, mask, strict=True):
        at = [i for i, chosen in enumerate(m) if chosen]
        mean = math.fsum(p[i] - o[i] for i in at) / len(at)
        row = []
        for i in at:
            ratio = math.exp(mean if variant == "gspo" else p[i] - o[i])
            bounded = min(max(ratio, 1 - low), 1 + high)
            token = -min(ratio * a, bounded * a)
            row.append(token + kl_weight * expected_kl(estimator, p[i], ref[i]))
        rows.append(row)
    total, tokens = math.fsum(map(math.fsum, rows)), sum(map(len, rows))
    return {
        "grpo": math.fsum(math.fsum(row) / len(row) for row in rows) / len(rows),
        "gspo": math.fsum(math.fsum(row) / len(row) for row in rows) / len(rows),
        "grpo_token_mean": total / tokens,
        "dapo": total / tokens,
        "dr_grpo": total / (len(rows) * MAX_LENGTH),
    }[variant]


def loss_of(variant, batch, kl_weight=0.0, estimator="k3"):
    policy, old, reference, advantages, mask = batch
    tensors = [torch.tensor(one, dtype=torch.float64) for one in (policy, old, reference)]
    return compute_grpo_variant_loss(
        policy_log_probs=tensors[0],
        old_log_probs=tensors[1],
        advantages=torch.tensor(advantages, dtype=torch.float64).unsqueeze(-1),
        response_mask=torch.tensor(mask),
        variant=variant,
        max_length=MAX_LENGTH,
        reference_log_probs=tensors[2],
        kl_weight=kl_weight,
        kl_estimator=estimator,
    )


@pytest.mark.parametrize("variant", GRPO_VARIANTS)
@settings(max_examples=25)
@given(batch=batches(), kl_weight=st.sampled_from([0.0, 0.04]), name=st.sampled_from("123"))
def test_each_variant_is_its_formula(variant, batch, kl_weight, name):
    found, _ = loss_of(variant, batch, kl_weight, f"k{name}")
    expected = expected_loss(variant, *batch, kl_weight, f"k{name}")
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(NATS, NATS, st.sampled_from(list(KL_ESTIMATORS)))
def test_each_estimator_is_its_formula(policy, reference, name):
    found = estimate_kl(
        policy_log_probs=torch.tensor([[policy]], dtype=torch.float64),
        reference_log_probs=torch.tensor([[reference]], dtype=torch.float64),
        estimator=name,
    )
    assert found.item() == pytest.approx(expected_kl(name, policy, reference), abs=1e-12)
    assert name == "k1" or found.item() >= -1e-15


def _distributions():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 6, dtype=torch.float64, generator=generator)
    return torch.log_softmax(logits[0], -1).requires_grad_(), torch.log_softmax(logits[1], -1)


def test_k1_and_k3_have_the_exact_kl_as_their_expectation():
    policy, reference = _distributions()
    exact = (policy.exp() * (policy - reference)).sum().item()
    for name in ("k1", "k3"):
        values = estimate_kl(policy[None], reference[None], name)
        assert (policy.exp() * values).sum().item() == pytest.approx(exact)
    k2 = (policy.exp() * estimate_kl(policy[None], reference[None], "k2")).sum().item()
    assert k2 != pytest.approx(exact, rel=1e-3)


def test_k2_has_the_gradient_of_the_exact_kl_and_k1_has_none():
    """In expectation over tokens of the policy, as `.backward()` on samples would give it."""
    logits = torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits.requires_grad_(True)
    reference = torch.log_softmax(torch.arange(5, dtype=torch.float64), -1)
    policy = torch.log_softmax(logits, -1)
    exact = (policy.exp() * (policy - reference)).sum()
    (wanted,) = torch.autograd.grad(exact, logits, retain_graph=True)
    weights = policy.detach().exp()
    found = {}
    for name in KL_ESTIMATORS:
        sampled = (weights * estimate_kl(policy[None], reference[None], name)[0]).sum()
        (found[name],) = torch.autograd.grad(sampled, logits, retain_graph=True)
    torch.testing.assert_close(found["k2"], wanted)
    torch.testing.assert_close(found["k1"], torch.zeros(5, dtype=torch.float64))


@pytest.mark.parametrize("variant", GRPO_VARIANTS)
def test_each_variant_has_the_gradient_of_finite_differences(variant):
    generator = torch.Generator().manual_seed(3)
    policy, old, reference = -torch.rand(3, 3, 4, dtype=torch.float64, generator=generator)
    mask = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
    advantages = torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)
    policy.requires_grad_(True)

    def loss(p):
        return compute_grpo_variant_loss(
            p, old, advantages, mask, variant, clip_low=0.2, clip_high=0.3, max_length=9,
            reference_log_probs=reference, kl_weight=0.1,
        )[0]  # fmt: skip

    assert torch.autograd.gradcheck(loss, (policy,))
    (gradient,) = torch.autograd.grad(loss(policy), policy)
    assert (gradient[mask == 0] == 0).all()


@pytest.mark.parametrize("variant", GRPO_VARIANTS)
def test_what_padding_holds_reaches_neither_loss_nor_gradient(variant):
    policy = torch.tensor([[-1.0, -2.0]], requires_grad=True)
    mask = torch.tensor([[True, False]])
    for padding in (math.nan, math.inf, -math.inf, 1e30):
        old = torch.tensor([[-1.1, padding]])
        loss, metadata = compute_grpo_variant_loss(
            policy, old, torch.ones(1, 1), mask, variant, max_length=2, kl_weight=0.1,
            reference_log_probs=old,
        )  # fmt: skip
        (gradient,) = torch.autograd.grad(loss, policy)
        assert torch.isfinite(loss)
        assert torch.isfinite(gradient).all()
        assert all(torch.isfinite(value) for value in metadata.values())


def test_dapo_lets_a_good_token_rise_further_than_it_lets_it_fall():
    old = torch.zeros(1, 1)
    for ratio, has_gradient in ((1.25, True), (1.3, False)):
        policy = torch.tensor([[math.log(ratio)]], requires_grad=True)
        loss, _ = compute_grpo_variant_loss(policy, old, torch.ones(1, 1), torch.ones(1, 1), "dapo")
        loss.backward()
        assert bool(policy.grad.item()) is has_gradient


def test_gspo_gives_all_tokens_of_a_response_the_same_gradient():
    policy = torch.tensor([[-1.0, -3.0, -0.5]], requires_grad=True)
    loss, metadata = compute_grpo_variant_loss(
        policy, policy.detach(), torch.ones(1, 1), torch.ones(1, 3), "gspo"
    )
    loss.backward()
    torch.testing.assert_close(policy.grad, torch.full((1, 3), -1 / 3))
    assert metadata["clip_fraction"].item() == 0.0


def test_token_mean_weighs_tokens_and_sequence_mean_weighs_responses():
    losses = torch.tensor([[1.0, 1.0, 1.0], [4.0, 0.0, 0.0]])
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
    found = {how: aggregate_loss(losses, mask, how, max_length=3).item() for how in AGGREGATIONS}
    assert found == pytest.approx({"sequence_mean": 2.5, "token_mean": 1.75, "constant": 7 / 6})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "dappo"}, "did you mean dapo"),
        ({"kl_weight": 0.1, "kl_estimator": "k4"}, "unknown KL estimator 'k4'"),
        ({"kl_weight": 0.1, "reference_log_probs": None}, "needs reference_log_probs"),
        ({"variant": "dr_grpo", "max_length": None}, "needs max_length"),
        ({"clip_low": -0.1}, "clip range is negative"),
        ({"response_mask": torch.tensor([[True, True], [False, False]])}, "no tokens"),
        ({"response_mask": torch.full((2, 2), 0.5)}, "other than 0 and 1"),
        ({"advantages": torch.ones(2)}, r"\[batch, 1\]"),
        ({"old_log_probs": torch.zeros(2, 3)}, r"old_log_probs \[2, 3\]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_arguments_are_named(change, message):
    arguments = {
        "policy_log_probs": torch.zeros(2, 2), "old_log_probs": torch.zeros(2, 2),
        "advantages": torch.ones(2, 1), "response_mask": torch.ones(2, 2, dtype=torch.bool),
        "reference_log_probs": torch.zeros(2, 2), "max_length": 4,
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        compute_grpo_variant_loss(**(arguments | change))


def test_an_unknown_aggregation_names_the_nearest():
    with pytest.raises(InputError, match="did you mean token_mean"):
        aggregate_loss(torch.zeros(1, 1), torch.ones(1, 1), "tokenmean")


@pytest.mark.parametrize("variant", ["grpo", "dapo", "gspo"])
def test_trl_computes_the_same_loss_and_gradient(variant, repo_root):
    pytest.importorskip("trl", reason="TRL's own loss is the expectation here")
    import importlib.util

    path = repo_root / "benchmarks" / "algorithms_speed.py"
    spec = importlib.util.spec_from_file_location("algorithms_speed", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    generator = torch.Generator().manual_seed(5)
    policy = (-torch.rand(4, 6, generator=generator)).requires_grad_(True)
    old, reference = policy.detach() + 0.3 * torch.randn(2, 4, 6, generator=generator)
    advantages = torch.randn(4, 1, generator=generator)
    mask = torch.arange(6) < torch.tensor([[6], [1], [3], [5]])
    theirs = bench.trl_loss(policy, old, reference, advantages, mask, variant, 0.04)
    gradients = []
    handle = policy.register_hook(gradients.append)
    theirs()
    loss, _ = compute_grpo_variant_loss(
        policy, old, advantages, mask, variant, clip_low=0.2, clip_high=0.2,
        reference_log_probs=reference, kl_weight=0.04,
    )  # fmt: skip
    loss.backward()
    handle.remove()
    torch.testing.assert_close(gradients[1], gradients[0])
