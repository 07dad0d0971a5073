from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import (  # noqa: E402
    compute_entropy,
    get_response_log_probs,
    log_probs,
    per_token,
)

ROWS = st.lists(st.floats(-60, 60), min_size=1, max_size=9)
INPUT_IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])
LABELS = torch.tensor([[2, 3, 4], [5, 6, 0]])


@given(ROWS)
def test_entropy_lies_between_zero_and_log_vocabulary(row):
    entropy = compute_entropy(torch.tensor([[row]])).item()
    assert -1e-4 <= entropy <= math.log(len(row)) + 1e-5


@given(ROWS)
def test_entropy_is_minus_sum_p_log_p(row):
    top = max(row)
    weights = [math.exp(z - top) for z in row]
    total = math.fsum(weights)
    expected = -math.fsum(w / total * math.log(w / total) for w in weights if w > 0)
    found = compute_entropy(torch.tensor([[row]], dtype=torch.float64)).item()
    assert found == pytest.approx(expected, abs=1e-9)


@given(ROWS, st.floats(-1e4, 1e4))
def test_entropy_does_not_change_when_all_logits_move(row, shift):
    logits = torch.tensor([[row]], dtype=torch.float64)
    moved = compute_entropy(logits + shift)
    torch.testing.assert_close(moved, compute_entropy(logits), atol=1e-7, rtol=0)


def test_tokens_that_cannot_be_sampled_add_no_entropy_and_no_nan():
    logits = torch.tensor([[[0.0, 0.0, -math.inf]]], requires_grad=True)
    entropy = compute_entropy(logits)
    entropy.sum().backward()
    assert entropy.item() == pytest.approx(math.log(2))
    assert torch.isfinite(logits.grad).all()


def test_entropy_has_the_gradient_of_finite_differences():
    logits = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(compute_entropy, (logits,))


@pytest.mark.parametrize("with_gradient", [False, True])
def test_log_probs_are_those_of_each_label(tiny_model, log_softmax, with_gradient):
    with torch.set_grad_enabled(with_gradient):
        found = get_response_log_probs(
            model=tiny_model, input_ids=INPUT_IDS, labels=LABELS, return_token_entropy=True
        )
    assert found["log_probs"].requires_grad is with_gradient
    for b in range(2):
        for t in range(3):
            row = log_softmax(tiny_model.weight[INPUT_IDS[b, t]].tolist())
            assert found["log_probs"][b, t].item() == pytest.approx(row[LABELS[b, t]], abs=1e-5)
            entropy = -sum(math.exp(p) * p for p in row)
            assert found["token_entropy"][b, t].item() == pytest.approx(entropy, abs=1e-5)


def test_entropy_is_returned_only_where_asked_for(tiny_model):
    found = get_response_log_probs(
        model=tiny_model, input_ids=INPUT_IDS, labels=LABELS, return_token_entropy=False
    )
    assert set(found) == {"log_probs"}


def test_log_probs_have_the_gradient_of_cross_entropy(tiny_model):
    found = get_response_log_probs(model=tiny_model, input_ids=INPUT_IDS, labels=LABELS)
    (ours,) = torch.autograd.grad(found["log_probs"].sum(), tiny_model.weight)
    logits = tiny_model(INPUT_IDS).logits.reshape(-1, 11)
    loss = torch.nn.functional.cross_entropy(logits, LABELS.reshape(-1), reduction="sum")
    (theirs,) = torch.autograd.grad(-loss, tiny_model.weight)
    torch.testing.assert_close(ours, theirs)


@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 70))
def test_chunks_give_what_the_whole_gives(batch, length, elements):
    generator = torch.Generator().manual_seed(length)
    logits = torch.randn(batch, length, 13, generator=generator, requires_grad=True)
    labels = torch.randint(0, 13, (batch, length), generator=generator)
    weights = torch.randn(2, batch, length, generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(per_token, "CHUNK_ELEMENTS", elements)
        chosen, entropy = log_probs._per_token(logits, labels, True)
        (ours,) = torch.autograd.grad((weights[0] * chosen + weights[1] * entropy).sum(), logits)
    whole = torch.log_softmax(logits, dim=-1)
    expected = whole.gather(-1, labels.unsqueeze(-1)).squeeze(-1), -(whole.exp() * whole).sum(-1)
    torch.testing.assert_close((chosen, entropy), expected)
    loss = (weights[0] * expected[0] + weights[1] * expected[1]).sum()
    (theirs,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("used", ["log_probs", "token_entropy"])
def test_a_gradient_through_one_of_both_is_that_of_it_alone(tiny_model, used):
    found = get_response_log_probs(
        model=tiny_model, input_ids=INPUT_IDS, labels=LABELS, return_token_entropy=True
    )
    (ours,) = torch.autograd.grad(found[used].sum(), tiny_model.weight)
    whole = torch.log_softmax(tiny_model(INPUT_IDS).logits, dim=-1)
    alone = {
        "log_probs": whole.gather(-1, LABELS.unsqueeze(-1)).sum(),
        "token_entropy": -(whole.exp() * whole).sum(),
    }
    (theirs,) = torch.autograd.grad(alone[used], tiny_model.weight)
    torch.testing.assert_close(ours, theirs)


def test_half_precision_gradients_come_in_half_precision():
    logits = torch.randn(2, 3, 50).to(torch.bfloat16).requires_grad_(True)
    compute_entropy(logits).sum().backward()
    exact = logits.detach().double().requires_grad_(True)
    compute_entropy(exact).sum().backward()
    assert logits.grad.dtype is torch.bfloat16
    torch.testing.assert_close(logits.grad.double(), exact.grad, atol=2e-3, rtol=1e-2)


def test_nan_logits_give_nan_and_not_a_number_that_looks_right():
    logits = torch.zeros(2, 4)
    logits[0, 1] = math.nan
    entropy = compute_entropy(logits)
    assert math.isnan(entropy[0].item())
    assert entropy[1].item() == pytest.approx(math.log(4))


def test_half_precision_logits_are_worked_on_in_fp32():
    logits = torch.randn(2, 3, 500).to(torch.bfloat16)
    found = compute_entropy(logits)
    assert found.dtype is torch.float32
    torch.testing.assert_close(found, compute_entropy(logits.double()).float())


def test_no_gradient_means_no_second_tensor_of_the_size_of_the_logits():
    logits = torch.randn(1, 1024, 16384)
    assert _largest_storage_made(lambda: compute_entropy(logits), logits) <= logits.nbytes // 8


def _largest_storage_made(work, given: torch.Tensor) -> int:
    """Bytes of the largest storage that an operation inside `work` returns, beside `given`'s."""
    from torch.utils._python_dispatch import TorchDispatchMode

    sizes = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if not isinstance(result, torch.Tensor):
                return result
            storage = result.untyped_storage()
            if storage.data_ptr() != given.untyped_storage().data_ptr():
                sizes.append(storage.nbytes())
            return result

    with Watch():
        work()
    return max(sizes)


def test_a_label_outside_the_vocabulary_is_refused(tiny_model):
    with pytest.raises(InputError, match="labels from -100 to 3, 11 logits"):
        get_response_log_probs(
            model=tiny_model, input_ids=INPUT_IDS, labels=torch.tensor([[2, 3, 2], [3, 2, -100]])
        )


def test_labels_that_are_not_shifted_alike_are_refused(tiny_model):
    with pytest.raises(InputError, match=r"input_ids \[2, 3\], labels \[2, 2\]"):
        get_response_log_probs(model=tiny_model, input_ids=INPUT_IDS, labels=LABELS[:, 1:])
