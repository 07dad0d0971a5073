"""Rules of equivalence by family: what a mathematician signs, and its nearest wrong neighbours."""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent

SAME = [
    (r"10\mathrm{~km}/\mathrm{h}", r"10 \text{ km/h}"),
    (r"2^10", r"1024"),
    (r"\sqrt13", r"√13"),
    (r"1.22", r"1,22"),
    (r"10 000", r"10000"),
    (r"1.000,50", r"1000.5"),
    (r"the answer is 5", r"5"),
    (r"So the area is $12$", r"12"),
    (r"5\text{ m/s}", r"5"),
    (r"5\text{ cm}^2", r"5 \text{ square centimeters}"),
    (r"0.\overline{3}", r"\frac13"),
    (r"0.1\overline{6}", r"1/6"),
    (r"\lfloor 3.7 \rfloor", r"3"),
    (r"\sin^{-1}(x)", r"\arcsin x"),
    (r"\mathbb{R}", r"(-\infty,\infty)"),
    (r"\mathbb{R} \setminus \{3\}", r"(-\infty,3)\cup(3,\infty)"),
    (r"x \ne 3", r"(-\infty,3)\cup(3,\infty)"),
    (r"x<1 or x>3", r"(-\infty,1)\cup(3,\infty)"),
    (r"\{1,2\}\cup\{3\}", r"\{1,2,3\}"),
    (r"\angle ABC = 60^\circ", r"60"),
    (r"\text{Area}=5", r"5"),
    (r"(B) 12", r"B"),
    (r"\textbf{(B)}\ 12", r"B"),
    (r"B.", r"B"),
    (r"e", r"E"),
    (r"(x-1)^2+(y+3)^2=4", r"x^2-2x+1+y^2+6y+9=4"),
    (r"x^2+y^2=4", r"x^2+y^2-4=0"),
    (r"\log_2 8", r"3"),
    (r"\ln e^2", r"2"),
    (r"e^{x}e^{y}", r"e^{x+y}"),
    (r"\cos\frac{\pi}{3}", r"\frac12"),
    (r"\frac{\sqrt{6}-\sqrt2}{4}", r"\sin 15^\circ"),
    (r"\sum_{k=1}^{10} k", r"55"),
    (r"\int_0^1 x dx", r"\frac12"),
    (r"\lim_{x\to0}\frac{\sin x}{x}", r"1"),
    (r"\sqrt{x}\sqrt{x}", r"x"),
    (r"\frac{1}{\sqrt{x+1}}", r"\frac{\sqrt{x+1}}{x+1}"),
    (r"\sqrt[3]{2}\sqrt[3]{4}", r"2"),
    (r"\sqrt[3]{16}", r"2\sqrt[3]{2}"),
    (r"16^{3/4}", r"8"),
    (r"5\cdot 10^{-3}", r"0.005"),
    (r"5e-3", r"0.005"),
    (r"\text{no solution}", r"\emptyset"),
    (r"x=1,y=2", r"(1,2)"),
    (r"x=2\text{ or }x=3", r"2,3"),
    (r"1011_2", r"1011_{2}"),
    (r"2A_{16}", r"2A_16"),
    (r"42_{10}", r"42"),
    (r"1:2", r"2:4"),
    (r"3:4", r"\frac34"),
    (r"12:00", r"12:00"),
    (r"\text{Alice, Bob}", r"\text{Bob, Alice}"),
    (r"\frac{1}{2}\text{ hour}", r"0.5"),
    (r"\$1{,}234.50", r"1234.5"),
    (r"-3 1/2", r"-\frac72"),
    (r"-3\frac12", r"-3.5"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"(1,2)"),
    (r"\left[\begin{array}{cc}1&2\\3&4\end{array}\right]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"y=\frac{x}{2}+1", r"2y=x+2"),
    (r"2\pi \text{ radians}", r"2\pi"),
    (r"\frac{\pi}{2}", r"\pi/2"),
    (r"x\in(0,1)", r"0<x<1"),
    (r"yes", r"\text{Yes}"),
    (r"3(x+1)(x-2)", r"3x^2-3x-6"),
    (r"|x|", r"\left|x\right|"),
    (r"\overline{AB}", r"\overline{AB}"),
    (r"2+3i", r"3i+2"),
    (r"7\%", r"7 \text{ percent}"),
    (r"five", r"5"),
    (r"twenty-one", r"21"),
    (r"\{(1,2),(3,4)\}", r"(3,4),(1,2)"),
    (r"(1,2)\text{ and }(3,4)", r"(3,4),(1,2)"),
    (r"f(x)=x^2+1", r"x^2+1"),
    (r"\frac{a}{b}=\frac{1}{2}", r"1/2"),
    (r"1 000 000", r"1,000,000"),
    (r"\sqrt{\frac{1}{2}}", r"\frac{\sqrt2}{2}"),
    (r"-\frac{1}{3}", r"\frac{1}{-3}"),
    (r"n(n+1)/2", r"\frac{n^2+n}{2}"),
    (r"2^{n+1}", r"2\cdot2^n"),
    (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
    (r"\cot x", r"\frac{\cos x}{\sin x}"),
    (r"\sin^2x+\cos^2x", r"1"),
    (r"\log 100", r"2"),
    (r"\frac{1}{2}\ln 4", r"\ln 2"),
    (r"10^{\log_{10} 3}", r"3"),
    (r"(-\infty,0]\cup[0,\infty)", r"\mathbb{R}"),
    (r"[1,3]\cup[2,5]", r"[1,5]"),
    (r"$5.00", r"5"),
    (r"5,", r"5"),
    (r"6.02 \times 10^{23}", r"6.02e23"),
    (r"0.5x", r"\frac{x}{2}"),
    (r"\mathbf{i}+2\mathbf{j}", r"i+2j"),
    (r"\frac{3}{4} \approx 0.75", r"3/4"),
    (r"x\approx3.5", r"3.5"),
    (r"k\pi, k\in\mathbb{Z}", r"k \pi"),
    (r"\{x \mid x>2\}", r"(2,\infty)"),
    (r"\{x : 1<x<2\}", r"(1,2)"),
    (r"1,2,3,4", r"4,3,2,1"),
    (r"2 \text{ and } 3", r"2,3"),
    (r"3 and 2", r"2,3"),
    (r"\text{Monday}", r"monday"),
    (r"\frac{7}{2}=3.5", r"3.5"),
]

NOT_SAME = [
    (r"1.22", r"1.23"),
    (r"1,22", r"122"),
    (r"1,222", r"1.222"),
    (r"5", r"x>5"),
    (r"A", r"a_1"),
    (r"B", r"(C) 12"),
    (r"5\text{ cm}", r"5\text{ m}"),
    (r"1:2", r"2:1"),
    (r"6:30", r"1:5"),
    (r"\sqrt{x^2}", r"x"),
    (r"sqrt(x^2)", r"x"),
    (r"\mathbb{R}", r"(0,\infty)"),
    (r"[1,3]\cup[2,5]", r"[1,4]"),
    (r"3,2", r"(2,3)"),
    (r"x=1,y=2", r"(2,1)"),
    (r"0.3333", r"1/3"),
    (r"3.14159", r"\pi"),
    (r"52", r"52_8"),
    (r"2x", r"2"),
    (r"AB=3,CD=4", r"3"),
    (r"the answer is not 5 but 6", r"5"),
    (r"5 or 6", r"5"),
    (r"\sqrt[3]{x^3+1}", r"x+1"),
    (r"(x^2)^{1/2}", r"x"),
    (r"\log_2 9", r"3"),
    (r"\lfloor 3.7 \rfloor", r"4"),
    (r"60", r"\angle ABC"),
    (r"x=5,6", r"5"),
    (r"5", r"5,5"),
    (r"x^{1/2}", r"x"),
    (r"1/3x", r"x/3"),
    (r"{1,3}", r"{3,1,1}"),
    (r"(1,2),(3,4)", r"(1,3),(2,4)"),
    (r"(1,3)", r"[1,3]"),
    (r"[1,2),(3,4]", r"[1,2],(3,4]"),
    (r"E", r"3"),
    (r"ab", r"ba c"),
    (r"b", r"B C"),
    (r"\frac{a}{b}=2", r"a=2"),
    (r"10 00", r"1000"),
    (r"1 00", r"100"),
    (r"is 5 the answer? no, it is 6", r"5"),
    (r"x\ne3", r"3"),
    (r"\text{not } 5", r"5"),
    (r"-5", r"5"),
    (r"5^\circ", r"5 \text{ rad}"),
    (r"100\%", r"1"),
    (r"2,3", r"2.3"),
    (r"2,34", r"2,43"),
    (r"\sin^{-1} x", r"\frac{1}{\sin x}"),
    (r"e^{x}", r"e^{-x}"),
    (r"(0,1)", r"0,1,2"),
    (r"AB", r"BA C"),
]

KNOWN_TO_FAIL = [
    (r"1<x<2", r"x>1 and x<2"),
    (r"5 \pmod 7", r"5"),
    (r"n!", r"n(n-1)!"),
    (r"x \equiv 3 \pmod 7", r"3 \pmod{7}"),
]


@pytest.mark.parametrize(("prediction", "reference"), SAME)
def test_a_rule_accepts_both_ways(prediction: str, reference: str) -> None:
    policy = Policy(symbolic=False)
    for pair in ((prediction, reference), (reference, prediction)):
        said = equivalent(*pair, policy=policy)
        if said.outcome is not Outcome.CORRECT:
            pytest.importorskip("math_verify", reason="only sympy decides this pair")
            said = equivalent(*pair)
        assert said.outcome is Outcome.CORRECT


@pytest.mark.parametrize(("prediction", "reference"), NOT_SAME)
def test_a_near_miss_is_never_accepted(prediction: str, reference: str) -> None:
    assert equivalent(prediction, reference).outcome is not Outcome.CORRECT
    assert equivalent(reference, prediction).outcome is not Outcome.CORRECT


@pytest.mark.xfail(strict=True, reason="no rule reads it yet; it scores as wrong")
@pytest.mark.parametrize(("prediction", "reference"), KNOWN_TO_FAIL)
def test_what_is_known_not_to_be_accepted(prediction: str, reference: str) -> None:
    assert equivalent(prediction, reference).outcome is Outcome.CORRECT
