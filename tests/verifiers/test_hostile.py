"""No input hangs, crashes the caller or runs: each attack simply gets a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, equivalent, resolve
from mindspeed_rl_ext.verifiers.api import registry_names, verifier_named
from mindspeed_rl_ext.verifiers.equivalence.tree import UnreadableError

MATRIX = r"\begin{pmatrix}" + r"\\".join("&".join("1" * 60) for _ in range(60)) + r"\end{pmatrix}"
ATTACKS = {
    "tower": "9^9^9^9",
    "python tower": "9**9**9**9",
    "braced tower": "9^{9^{9^{9}}}",
    "factorial": "100000000!",
    "nested factorial": "((9!)!)!",
    "factorials in a row": "3" + "!" * 3900,
    "binomial": r"\binom{100000000}{50000000}",
    "sum": r"\sum_{k=1}^{10^8} k",
    "product": r"\prod_{k=1}^{10^6} k",
    "integral": r"\int_0^\infty e^{-x^2}\sin(x^3) dx",
    "brackets": "(" * 100_000 + "1" + ")" * 100_000,
    "brackets below the limit": "(" * 1900 + "1" + ")" * 1900,
    "braces": "{" * 100_000 + "1" + "}" * 100_000,
    "fractions 50": r"\frac{1}{1+" * 50 + "1" + "}" * 50,
    "fractions 5000": r"\frac{1}{1+" * 5000 + "1" + "}" * 5000,
    "unclosed fractions": r"\frac{1" * 390,
    "mixed numbers": r"3\frac{" * 390,
    "roots": r"\sqrt{" * 390 + "2" + "}" * 390,
    "sum of roots": "+".join(rf"\sqrt{{{n}}}" for n in range(2, 300)),
    "digits": "1" * 1_000_000,
    "text": "a" * 1_000_000,
    "commas": "1," * 500_000,
    "set": r"\{" + ",".join(map(str, range(2000))) + r"\}",
    "list": ",".join(f"x+{n}" for n in range(128)),
    "matrix": MATRIX,
    "boxes": r"\boxed{" * 100_000,
    "dollars": "$" * 100_000,
    "backslashes": "\\" * 100_000,
    "null byte": "1\0",
    "surrogate": "\ud800",
    "empty": "",
    "large power": "2^{99999999}",
    "power of powers": "(" * 15 + "2" + "^{1000})" * 15,
    "large exponent": "1e4000",
    "beyond large exponent": "1e999999999",
    "signs": "-" * 3900 + "1",
    "plus or minus": r"\pm" * 900 + "1",
    "bars": "|" * 3900,
    "subscripts": "x_{" * 800,
    "texts": r"\text{" * 600,
    "functions": r"\sin" * 900 + "x",
    "spaced digits": "1 " * 50_000,
    "sentence": "the answer is " * 20_000 + "5",
    "nested set builders": r"\{x | " * 500,
    "sum of sums": r"\sum_{k=1}^{99}" * 40 + "k",
    "set differences": r"\mathbb{R} \setminus \{" + ",".join(map(str, range(120))) + r"\}",
    "odd roots": "+".join(rf"\sqrt[3]{{x+{n}}}" for n in range(120)),
    "even roots": "+".join(rf"\sqrt{{x+{n}}}" for n in range(120)),
    "angles": "+".join(rf"\sin {n}^\circ" for n in range(15, 1500, 15)),
    "repeating": r"0.\overline{" + "3" * 1000 + "}",
    "ratios": ":".join(["1"] * 900),
    "points": ",".join(f"({n},x)" for n in range(60)),
    "accents": r"\vec{" * 700,
    "tags": "<think><answer>" * 20_000,
    "loop": "</think><answer>\\boxed{}" * 8_000,
}
BUILTINS = tuple(
    name for name in registry_names() if ".builtin." in verifier_named(name).function.__module__
)
# What these say of a response is not that it is right.
SHAPES = ("overlong", "repetition", "strict_tags", "template_copy", "r1_format", "countdown_format")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_gets_a_verdict_and_no_reward(attack: str) -> None:
    for reference in (r"\frac12", "x", r"\{1, 2\}"):
        assert equivalent(attack, reference).outcome is not Outcome.CORRECT
        equivalent(reference, attack)
    # Both sides hostile and almost the same: no shortcut may skip the bounds.
    equivalent(attack[:3900] + "+1", "1+" + attack[:3900])
    for name in BUILTINS:
        judge = resolve(name)
        wrapped = (attack, rf"<think>a</think><answer>\boxed{{{attack}}}</answer>")
        for response in wrapped:
            columns = {"answer": '{"target":1,"numbers":[7]}', "prompt": response, "num_tokens": 1}
            verdict = judge(response, **{need: columns[need] for need in judge.needs})
            assert verdict.outcome is not Outcome.ERROR
            if name not in SHAPES:
                assert verdict.outcome is not Outcome.CORRECT


def test_no_payload_runs(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    touch = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for payload in (
        touch,
        f"[{touch}]",
        rf"\pi#{touch}",
        f"({touch},1)",
        f"5;{touch}",
        f"$({touch})$",
    ):
        for reference in ("1", r"\begin{pmatrix}1\end{pmatrix}", payload + " "):
            equivalent(payload, reference)
        for name in BUILTINS:
            columns = {"answer": '{"target":1,"numbers":[1]}', "prompt": payload, "num_tokens": 1}
            resolve(name)(rf"<answer>\boxed{{{payload}}}</answer>", **columns)
            resolve(name)(rf"so\nAnswer: {payload}", **{**columns, "answer": payload + " "})
    assert not mark.exists()


def test_reading_work_does_not_multiply_with_nesting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts how often a factor is begun: reading one twice would double with each level."""
    from mindspeed_rl_ext.verifiers.equivalence.lexer import tokens
    from mindspeed_rl_ext.verifiers.equivalence.reader import Reader

    begun = 0
    original = Reader.power

    def counted(self: Reader) -> object:
        nonlocal begun
        begun += 1
        return original(self)

    monkeypatch.setattr(Reader, "power", counted)
    for opening in (r"3\frac{", "(", r"\sqrt{", "f(", r"\sin^{", "|", r"\{", r"\frac{1}{"):
        text = opening * 200
        begun = 0
        with pytest.raises(UnreadableError):
            Reader(tokens(text)).listing()
        assert begun <= 2 * len(tokens(text))
