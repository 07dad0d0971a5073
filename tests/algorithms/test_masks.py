from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import masked_mean, masked_normalize  # noqa: E402


@st.composite
def values_and_masks(draw):
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    grid = st.lists(
        st.lists(st.floats(-100, 100), min_size=columns, max_size=columns),
        min_size=rows,
        max_size=rows,
    )
    bits = st.lists(
        st.lists(st.booleans(), min_size=columns, max_size=columns), min_size=rows, max_size=rows
    )
    return draw(grid), draw(bits)


def _close(found: float, expected: float) -> bool:
    both_nan = math.isnan(found) and math.isnan(expected)
    return both_nan or found == pytest.approx(expected, abs=1e-9)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


@given(values_and_masks())
def test_means_and_sums_are_those_of_python_loops(case):
    grid, bits = case
    tensor, mask = torch.tensor(grid, dtype=torch.float64), torch.tensor(bits)
    by_row = [[v for v, b in zip(r, m, strict=True) if b] for r, m in zip(grid, bits, strict=True)]
    flat = [value for row in by_row for value in row]
    assert _close(masked_mean(tensor, mask).item(), _mean(flat))
    assert _close(masked_normalize(tensor, mask, normalize_constant=7.0).item(), sum(flat) / 7)
    for row, found in zip(by_row, masked_mean(tensor, mask, dim=1).tolist(), strict=True):
        assert _close(found, _mean(row))
    for row, found in zip(by_row, masked_normalize(tensor, mask, dim=1).tolist(), strict=True):
        assert _close(found, math.fsum(row))


@given(values_and_masks())
def test_masked_values_never_matter(case):
    grid, bits = case
    tensor, mask = torch.tensor(grid), torch.tensor(bits)
    for poison in (math.nan, math.inf):
        spoilt = torch.where(mask, tensor, torch.tensor(poison))
        for reduce in (masked_mean, masked_normalize):
            torch.testing.assert_close(
                reduce(spoilt, mask, dim=0), reduce(tensor, mask, dim=0), equal_nan=True
            )


def test_a_fully_masked_row_has_no_mean():
    tensor = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    mask = torch.tensor([[True, True], [False, False]])
    means = masked_mean(tensor, mask, dim=1)
    assert means[0].item() == 1.5
    assert math.isnan(means[1].item())
    assert math.isnan(masked_mean(tensor, torch.zeros_like(mask)).item())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("dim", [None, 1])
def test_long_half_precision_rows_do_not_overflow(dtype, dim):
    """Their sum and their number are both beyond 65504, float16's largest."""
    tensor = torch.full((1, 100_000), 1.1, dtype=dtype, requires_grad=True)
    mask = torch.ones(1, 100_000, dtype=torch.bool)
    for found in (
        masked_mean(tensor, mask, dim=dim),
        masked_normalize(tensor, mask, dim=dim, normalize_constant=100_000.0),
    ):
        assert found.dtype is dtype
        assert found.item() == pytest.approx(1.1, rel=2**-8)
        (gradient,) = torch.autograd.grad(found.sum(), tensor)
        assert gradient.dtype is dtype
        assert gradient.sum(dtype=torch.float64).item() == pytest.approx(1, rel=0.02)


def test_wider_dtypes_stay_as_they_are():
    mask = torch.ones(3, dtype=torch.bool)
    for dtype in (torch.float32, torch.float64):
        for reduce in (masked_mean, masked_normalize):
            assert reduce(torch.ones(3, dtype=dtype), mask).dtype is dtype
    assert masked_mean(torch.tensor([1, 2, 4]), mask).item() == pytest.approx(7 / 3)


@pytest.mark.parametrize("reduce", [masked_mean, masked_normalize])
def test_the_gradient_is_that_of_finite_differences(reduce):
    tensor = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda x: reduce(x, mask, dim=1), (tensor,))


def test_a_mask_of_zeros_and_ones_may_have_any_dtype():
    tensor, mask = torch.tensor([1.0, 5.0]), torch.tensor([1.0, 0.0])
    assert masked_mean(tensor, mask).item() == masked_mean(tensor, mask.long()).item() == 1.0


def test_weights_are_not_a_mask():
    with pytest.raises(InputError, match="other than 0 and 1"):
        masked_mean(torch.ones(2), torch.tensor([1.0, 0.5]))


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"tensor \[2, 2\], mask \[2\]"):
        masked_mean(torch.ones(2, 2), torch.ones(2, dtype=torch.bool))


def test_dividing_by_zero_is_refused():
    with pytest.raises(InputError, match="normalize_constant is 0"):
        masked_normalize(torch.ones(2), torch.ones(2, dtype=torch.bool), normalize_constant=0)
