"""Verifiers are named alike everywhere, and a wrong name or parameter says what was meant."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers import (
    Outcome,
    Verdict,
    is_ours,
    parse_spec,
    registry_names,
    resolve,
)
from mindspeed_rl_ext.verifiers.spec import split_specs

LITERALS = st.one_of(
    st.integers(), st.booleans(), st.none(), st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False), st.lists(st.integers(), max_size=3),
)  # fmt: skip


def fresh(prefix: str = "v") -> str:
    return f"{prefix}_{uuid.uuid4().hex}"


@given(st.dictionaries(st.sampled_from(["a", "max_tokens", "b2"]), LITERALS))
def test_a_spec_written_out_is_read_back(parameters: dict[str, object]) -> None:
    written = "name(" + ", ".join(f"{k}={v!r}" for k, v in parameters.items()) + ")"
    assert dict(parse_spec(written).parameters) == parameters
    assert split_specs(f"first, {written},last") == ["first", written, "last"]


@pytest.mark.parametrize(
    "text",
    [
        "", "a b", "a(1)", "a(*x)", "a(**x)", "a.b", "a(x=)", "a(x=1", "a=1", "1", "a()()",
        "a(x=__import__('os'))", "a(x=1+1)", "a(x=[y])", "a(x=" + "(" * 5000, "\0",
    ],
)  # fmt: skip
def test_what_is_no_literal_spec_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        parse_spec(text)


def test_unknown_names_and_parameters_name_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean countdown"):
        resolve("countdwn")
    with pytest.raises(InputError, match=r"think_prefiled(.|\n)*did you mean think_prefilled"):
        resolve("countdown(think_prefiled=True)")
    with pytest.raises(InputError, match="wrong type"):
        resolve("countdown(think_prefilled='yes')")


def test_is_ours_tells_without_raising() -> None:
    assert is_ours("r1_acc")
    assert is_ours("r1_format(think_prefilled=True)")
    assert not any(is_ours(text) for text in ("acc", "base_acc", "", "(", None, 3, "a(1)"))


def test_the_built_ins_are_one_file_each_with_levels_and_a_summary() -> None:
    for name in ("simplerl", "r1_format", "r1_acc", "countdown", "countdown_format"):
        found = resolve(name).verifier
        assert name in registry_names()
        assert found.function.__module__.endswith(f".builtin.{name}")
        assert found.levels
        assert found.summary
        assert "| score | outcome |" in (sys.modules[found.function.__module__].__doc__ or "")


def test_the_decorated_function_stays_a_function() -> None:
    name = fresh()

    @verifier(name, needs=("answer",), levels=(1, 0))
    def own(response: str, *, answer: str, bonus: float = 0.0) -> float:
        return float(response == answer) + bonus

    assert own("a", answer="a") == 1.0
    assert resolve(f"{name}(bonus=1)")("b", answer="a") == Verdict(Outcome.SCORED, 1.0)


def test_a_signature_that_cannot_be_called_is_refused_at_registration() -> None:
    def no_response(*, answer: str) -> float:
        return 0.0

    def two(response: str, prompt: str) -> float:
        return 0.0

    def other(response: str, *, answers: str) -> float:
        return 0.0

    def catch_all(response: str, **columns: str) -> float:
        return 0.0

    for function in (no_response, two, other, catch_all):
        with pytest.raises(InputError, match="signature"):
            verifier(fresh(), needs=("answer",))(function)


@pytest.mark.parametrize("name", ["", "two words", "1st", "a-b", "名", "a(b)"])
def test_a_malformed_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be named"):
        verifier(name)(lambda response: 0.0)


def test_a_name_is_taken_once_and_never_from_a_built_in() -> None:
    name = fresh()
    verifier(name)(lambda response: 0.0)
    with pytest.raises(InputError, match="twice"):
        verifier(name)(lambda response: 1.0)
    with pytest.raises(InputError, match="built in"):
        verifier("countdown")(lambda response: 1.0)


def test_threads_register_without_losing_any() -> None:
    names = [fresh() for _ in range(32)]
    threads = [
        threading.Thread(target=lambda n=name: verifier(n)(lambda response: 0.0)) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(names) <= set(registry_names())


def test_importing_verifiers_pulls_in_nothing_heavy() -> None:
    code = (
        "import sys; from mindspeed_rl_ext import verifier; import mindspeed_rl_ext.verifiers as v;"
        "v.resolve('simplerl');"
        "print([m for m in ('numpy','sympy','torch','transformers','math_verify') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
