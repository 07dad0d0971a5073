"""No input hangs, crashes the caller or runs: each attack simply gets a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, equivalent, resolve
from mindspeed_rl_ext.verifiers.equivalence import symbolic
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError
from mindspeed_rl_ext.verifiers.pool import Budget
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named

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
    "continued fraction": r"1+\cfrac{1}{2+" * 600 + "1" + "}" * 600,
    "nested radicals": r"\sqrt{2+" * 38 + "2" + "}" * 38,
    "radicals of names": r"\sqrt{x+" * 18 + "y" + "}" * 18,
    "exponents of exponents": "2^{" * 38 + "2" + "}" * 38,
    "function of a tower": r"\sin(9^{9^{9}})",
    "exponent of a logarithm": r"\ln(10^{99999})",
    "function of a factorial": r"\cos(99999!)",
    "huge gcd": r"\gcd(" + "9" * 1000 + "!," + "8" * 1000 + ")",
    "gcd of factorials": r"\gcd(1000!,999!)" * 9,
    "binomials in a row": r"\binom{1000}{500}" * 60,
    "binomial of a binomial": r"\binom{\binom{30}{15}}{15}",
    "polynomial of huge degree": "(x+1)^{99999999}-(x-1)^{99999999}",
    "polynomials of high degree": "+".join(f"x^{{{n}}}" for n in range(400)),
    "power of a sum": "(" + "+".join("abcdefgh") + ")^{999}",
    "powers of powers of names": "(" * 30 + "x+1" + ")^{99}" * 30,
    "percent chain": r"5\%" * 900,
    "percents": "5" + "%" * 3000,
    "moduli": r"5\pmod{7}" * 300,
    "modulus of zero": r"5 \pmod{0}",
    "tower of moduli": r"9^{9^{9}} \bmod 7",
    "symbolic sum": r"\sum_{k=1}^{n} k^{12} (k+a)^{12}",
    "sums of symbolic sums": r"\sum_{k=1}^{n} " * 12 + "k",
    "sum with infinite bounds": r"\sum_{k=-\infty}^{\infty} \frac{1}{k^2+1}",
    "slow series": r"\sum_{n=1}^{\infty} \frac{1}{n^{1000}}",
    "series of factorials": r"\sum_{n=0}^{\infty} \frac{1}{((n!)!)!}",
    "divergent series": r"\sum_{n=1}^{\infty} n!",
    "sum to a power of powers": r"\sum_{k=1}^{" + "(" * 30 + "9" + "^{64})" * 30 + "} k",
    "sum to a tower": r"\sum_{k=1}^{9^{9^{9}}} k",
    "oscillating integral of a long sum": r"\int_0^\infty \sin("
    + "+".join(f"x^{{{n}}}" for n in range(100))
    + ") dx",
    "harmonic sum": r"\sum_{k=1}^{100000000} \frac{1}{k}",
    "integral of a tower": r"\int_0^1 x^{x^{x^{x}}} dx",
    "integrals in integrals": r"\int_0^1 " * 30 + "x dx",
    "integrals of integrals": r"\int_0^{\int_0^1 x dx} " * 20 + r"\frac{\sin x}{x} dx",
    "double integral": r"\int_0^1 \int_0^1 \sqrt{x^2+y^2+\sin(xy)} dx dy",
    "oscillating integral": r"\int_0^{\infty} \sin(x^2) dx",
    "divergent integral": r"\int_0^{\infty} e^{x} dx",
    "integral with a pole": r"\int_{-1}^1 \frac{1}{x} dx",
    "endless integral": r"\int \frac{1}{x^5+x+1} dx",
    "sine series": r"\sum_{n=1}^{\infty} \frac{\sin n}{n^2}",
    "limit": r"\lim_{n \to \infty} \left(1+\frac{1}{n}\right)^{n^2}",
    "matrix of thousands of cells": r"\begin{pmatrix}"
    + r"\\".join("&".join("x" * 30) for _ in range(24))
    + r"\end{pmatrix}",
    "nested matrices": r"\begin{pmatrix}" * 38 + "1" + r"\end{pmatrix}" * 38,
    "million braces": "{" * 500_000 + "}" * 500_000,
    "million opening braces": "{" * 1_000_000,
    "unclosed boxes and tags": r"<answer>\boxed{" * 50_000,
    "unicode digits": "٣" * 3000 + "１" * 500,
    "unicode numbers": "²³¹⁄₂½" * 500,
    "right to left": "\u202e1\u202c2\u200f" * 900,
    "joiners": "1\u200d\ufeff" * 1500,
    "combining": "1" + "\u0301" * 3000,
    "null bytes": "\0" * 3000 + "1",
    "control characters": "".join(map(chr, range(1, 32))) * 90,
    "pickle": "cos\nsystem\n(S'true'\ntR.",
    "pickle bytes": "\x80\x04\x95\x1a\x00builtins\x94eval\x94\x93\x94.",
    "format string": "{0.__class__.__mro__[1].__subclasses__()}" * 40,
    "template": "${7*7}{{7*7}}#{7*7}",
    "lambda": "(lambda f:f(f))(lambda f:f(f))",
    "walrus": "[x:=1][0]",
    "number words": "one hundred " * 300,
    "ordinals": "1st" * 1200,
    "absolute values": "|x-" * 30 + "1" + "|" * 30,
    "choose": r"{" + r"9 \choose " * 200 + "1}",
    "roots of large degree": r"\sqrt[99999]{2}" * 100,
    "long repeating decimals": r"0.\overline{142857142857142857}+" * 120 + "1",
    "exponent chain": "2" + "^2" * 1000,
    "exponent letters": "1e9" * 1000,
    "exponent sums": "+".join(f"1e{n}" for n in range(3000, 3400)),
}
BUILTINS = tuple(
    name for name in registry_names() if ".builtin." in verifier_named(name).function.__module__
)
# What these say of a response is not that it is right.
SHAPES = ("overlong", "repetition", "strict_tags", "template_copy", "r1_format", "countdown_format")


@pytest.fixture(autouse=True)
def short_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs in a worker would spend its whole budget with each verifier: a short one does."""
    monkeypatch.setattr(symbolic, "ONE", Budget((0.1,), 1.0, 0.1))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_gets_a_verdict_and_no_reward(attack: str) -> None:
    for reference in (r"\frac12", "x", r"\{1, 2\}"):
        assert equivalent(attack, reference).outcome is not Outcome.CORRECT
        equivalent(reference, attack)
    # Both sides hostile and almost the same: no shortcut may skip the bounds.
    equivalent(attack[:3900] + "+1", "1+" + attack[:3900])
    for name in BUILTINS:
        bound = resolve(name)
        wrapped = (attack, rf"<think>a</think><answer>\boxed{{{attack}}}</answer>")
        for response in wrapped:
            columns = {"answer": '{"target":1,"numbers":[7]}', "prompt": response, "num_tokens": 1}
            verdict = bound(response, **{need: columns[need] for need in bound.needs})
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
    from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
    from mindspeed_rl_ext.verifiers.equivalence.reading.reader import Reader

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
