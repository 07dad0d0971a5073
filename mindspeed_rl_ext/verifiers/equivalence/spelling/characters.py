r"""Unicode characters as the LaTeX or ASCII that they stand for.

Covers: signs, Greek letters, raised and lowered digits (`10⁻³`, `v₀`), fractions, full-width
characters, circled numbers, letters that look like Latin ones, spaces of all widths.
Does not cover: words of other languages (`chinese`).
"""

from __future__ import annotations

import re
import unicodedata

_GREEK_NAMES = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho sigma tau
    upsilon phi chi psi omega"""
_GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", _GREEK_NAMES.split(), strict=True))
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "×": r"\times ", "÷": r"\div ", "·": r"\cdot ",
    "⋅": r"\cdot ", "∗": "*", "•": r"\cdot ", "°": r"^\circ ", "∞": r"\infty ", "≤": r"\le ",
    "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≦": r"\le ", "≧": r"\ge ", "≠": r"\ne ",
    "∪": r"\cup ", "∅": r"\emptyset ", "∈": r"\in ", "±": r"\pm ", "∓": r"\mp ", "，": ",",
    "（": "(", "）": ")", "：": ":", "；": ";", "％": r"\%", "≈": r"\approx ", "≅": r"\approx ",
    "€": "", "£": "", "¥": "", "￥": "", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "∖": r"\setminus ",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "△": r"\triangle ",
    "∠": r"\angle ", "∩": r"\cap ", "∣": "|", "’": "'", "′": "'", "″": "''", "‴": "'''",
    "∧": r"\wedge ", "∨": r"\vee ", "≡": r"\equiv ", "∀": r"\forall ", "∂": r"\partial ",
    "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ", "→": r"\to ", "⇒": r"\Rightarrow ",
    "⁄": "/", "∕": "/", "…": r"\ldots ", "⋯": r"\cdots ", "ϕ": r"\phi ", "ϵ": r"\epsilon ",
    "Δ": r"\Delta ", "∆": r"\Delta ", "Ω": r"\Omega ", "Σ": r"\Sigma ", "Π": r"\Pi ",
    "Γ": r"\Gamma ", "Θ": r"\Theta ", "Λ": r"\Lambda ", "Φ": r"\Phi ", "Ψ": r"\Psi ",
    "ℓ": r"\ell ", "ħ": r"\hbar ", "⟨": "(", "⟩": ")", "∘": r"^\circ ", "º": r"^\circ ",
    "˚": r"^\circ ", "℃": r"^\circ C", "。": ".", "、": ",", "“": '"', "”": '"', "＝": "=",
    "～": r"\approx ", "µ": r"\mu ", "‖": "||", "∼": r"\approx ", "≃": r"\approx ",
    "⊂": r"\subset ", "〈": "(", "〉": ")", "【": "[", "】": "]", "＊": "*", "∙": r"\cdot ",
}  # fmt: skip
_FRACTIONS = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5",
    "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
# Cyrillic and Greek capitals that look like Latin letters, where they stand alone.
_LOOK_ALIKE = dict(zip("АВЕКМНОРСТХасеорхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTXaceopxyABEZHIKMNOPTYX",
                       strict=True))  # fmt: skip
_TRANSLATED = str.maketrans(
    _SIGNS
    | {sign: f"\\{name} " for sign, name in _GREEK.items() if name != "o"}
    | {sign: r"\frac{{{}}}{{{}}}".format(*text.split("/")) for sign, text in _FRACTIONS.items()}
)
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᵏᵐᵗˣ", "0123456789+-=()niabkmtx", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₙₘₖₓᵢⱼ", "0123456789+-aenmkxij", strict=True))
_RAISED_RUN = re.compile(f"[{''.join(_RAISED)}]+")
_LOWERED_RUN = re.compile(f"[{''.join(_LOWERED)}]+")
_CIRCLED = re.compile("[①-⑳]")
_CYRILLIC = re.compile(r"(?<![\u0400-\u04ff])[\u0400-\u04ff\u0391-\u03a5](?![\u0400-\u04ff])")
_COMBINING = re.compile("[\u0300-\u036f\u200b-\u200f\ufeff\u2061-\u2064]")


def plain_characters(text: str) -> str:
    r"""The text in ASCII and LaTeX, but for words of other languages.

    Example:
        >>> plain_characters("10⁻³"), plain_characters("v₀"), plain_characters("５")
        ('10^{-3}', 'v_{0}', '5')
    """
    if text.isascii():
        return text
    text = _CIRCLED.sub(lambda m: f",{ord(m[0]) - ord('①') + 1}", text)
    text = text[1:] if text.startswith(",") else text
    text = _RAISED_RUN.sub(lambda m: "^" + _group(m[0], _RAISED), text)
    text = _LOWERED_RUN.sub(lambda m: "_" + _group(m[0], _LOWERED), text)
    text = text.translate(_TRANSLATED)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _COMBINING.sub("", text)).translate(_TRANSLATED)
        text = _CYRILLIC.sub(lambda m: _LOOK_ALIKE.get(m[0], m[0]), text)
    return text


def _group(run: str, meaning: dict[str, str]) -> str:
    """`^2` for one character: `½²` and `x²3` read as people mean them; braces for more."""
    return "{" + "".join(meaning[char] for char in run) + "}"
