r"""How the grader of CS336 (assignment 5) compares an answer with a reference, rule for rule.

Covers: its two comparisons: the normalized spelling of the MATH data set's authors, and a value
where numbers and fractions must be spelled as the reference spells them.
Does not cover: its slow mode (math-verify). Two differences: the course gives the text to sympy,
which runs it; here nothing runs, `course_arithmetic` reads it and `equivalent` compares. And it
knows every LaTeX command of pylatexenc, here those of `_MACROS`; any other is dropped, as
pylatexenc drops what it does not know. It takes the same
words for units, but for two that are misspelled there, the longest first.

Example:
    >>> same_as_course("18", "18.0"), same_as_course("It is 18.", "18")
    (True, False)
"""

from __future__ import annotations

import re
from functools import cache

from mindspeed_rl_ext.verifiers.equivalence import Policy, equivalent
from mindspeed_rl_ext.verifiers.responses.course_arithmetic import as_latex
from mindspeed_rl_ext.verifiers.verdict import Outcome

# Words that the course takes for units, by kind; a point is any character, as it is there.
_UNITS = {
    "length": "cm dm feet ft inch inches km m metre meter mile mm mtr yard",
    "area": "acre hectare sq square|a . m|cm 2|pi sq m|sq . m|sq inch|sq m|π r 2",
    "volume": "cc cube cubic gal gallon l liter litre lt|cu . m|cu cm|∏ cm ³",
    "time": "am day hour hr min minute minw month noon pm sec second year yr",
    "speed": "kmh kmph mp mph",
    "mass and resistance": "g gm kg lb mt ohm",
    "angle and heat": "deg degree|° f",
    "money": "gain loss profit rs rupee|p . m|profit of rs|rs .",
    "people": "man men soldier woman women",
    "thing": "apple coin mark monkey pie tile toy",
    "word": "ab are bc by decrease east excess increase less more number per percent prime pure "
    "ratio rd rise rounds st Surface th unit way west| m east|no change",
    "letter": "a c d h o s t|a .|b .|c .|d .|e .|f .|g .|h .|q .|s .",
}
_MEASURES = (
    "degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard"
)
_MACROS = {
    "pi": "pi", "infty": "inf", "cup": "U", "cdot": "*", "times": "*", "le": "≤", "leq": "≤",
    "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "pm": "±", "circ": "∘", "alpha": "α",
    "beta": "β", "gamma": "γ", "theta": "θ", "lambda": "λ", "mu": "μ", "phi": "ϕ", "omega": "ω",
    "sin": "sin", "cos": "cos", "tan": "tan", "log": "log", "ln": "ln", "exp": "exp", "cap": "∩",
    "{": "{", "}": "}", "%": "%", "$": "$", " ": " ", ",": " ", ";": " ", ":": " ", "quad": "  ",
    "&": "&", "#": "#", "_": "_", "in": "∈", "to": "→", "div": "÷", "approx": "≈", "emptyset": "∅",
    "varnothing": "∅", "ldots": "…", "dots": "…",
}  # fmt: skip
_SPELLINGS = (
    ("\n", ""), ("\\!", ""), ("\\\\", "\\"),
    ("tfrac", "frac"), ("dfrac", "frac"), ("\\neq", "\\ne"), ("\\leq", "\\le"), ("\\geq", "\\ge"),
    ("\\left", ""), ("\\right", ""),
)  # fmt: skip
_INTEGER = r"(0|-?[1-9][0-9]*)"
_BRACKETS = "()[]"
_POLICY = Policy(optional_units=False, ignore_case=False, unordered_lists=False, bare_tuples=False)


def same_as_course(given: str, reference: str) -> bool:
    """Whether the course's fast mode takes `given` for `reference`.

    Args:
        given: what stands in the answer block, or in its box.
        reference: the reference answer, without a box.
    """
    return _spelling(given) == _spelling(reference) or _same_value(_plain(given), _plain(reference))


def course_box(text: str) -> str | None:
    r"""What the course takes out of a text that has a box; None where the last one is not closed.

    Args:
        text: an answer block or a reference; the last `\boxed{...}` counts, `\boxed 5` is none.

    Example:
        >>> course_box(r"so \boxed{1} or \boxed{2}"), course_box(r"\boxed 5")
        ('2', None)
    """
    start = text.rfind("\\boxed")
    if not text.startswith("\\boxed{", start):
        return None
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if text[place] == "}" and not depth:
            return text[start + len("\\boxed{") : place]
    return None


class _UnreadableError(Exception):
    """A command without its argument: the course then compares the text as it is."""


def _spelling(answer: str) -> str:
    answer = answer.strip()
    enclosed = re.search(r"^\\text\{(.+?)\}$", answer)
    if enclosed:
        answer = enclosed.group(1).strip()
    try:
        return _respelled(answer)
    except _UnreadableError:
        return answer


def _respelled(text: str) -> str:
    for before, after in _SPELLINGS[:3]:
        text = text.replace(before, after)
    text = re.sub(r"\\begin\{array\}\{.*?\}", r"\\begin{pmatrix}", text)
    text = text.replace(r"\end{array}", r"\end{pmatrix}").replace("bmatrix", "pmatrix")
    for before, after in _SPELLINGS[3:]:
        text = text.replace(before, after)
    text = re.sub(r"\\text{.*?}$", "", text).strip() or text
    text = _without_units(text)
    for degree in ("^{\\circ}", "^\\circ", "\\$"):
        text = text.replace(degree, "")
    if text.count("\\text{ ") > 1:
        raise _UnreadableError
    text = text.split("\\text{ ")[0].replace("\\%", "")
    text = text.replace(" .", " 0.").replace("{.", "{0.")
    text = "0" + text if text.startswith(".") else text
    sides = text.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        text = sides[1]
    text = _braced_fractions(_braced_roots(text).replace(" ", ""))
    text = "\\frac{1}{2}" if text == "0.5" else text
    return re.sub(f"^{_INTEGER}/{_INTEGER}\\Z", r"\\frac{\1}{\2}", text)


@cache
def _unit_patterns() -> tuple[re.Pattern[str], ...]:
    kinds = [kind.split("|") for kind in _UNITS.values()]
    units = [unit for single, *phrases in kinds for unit in (*phrases, *single.split())]
    units.sort(key=len, reverse=True)  # `sq m` before `m`
    return tuple(re.compile(rf"(^|\W){u}($|\W)") for u in units + [u + "s" for u in units])


def _without_units(text: str) -> str:
    for _ in range(2):
        for unit in _unit_patterns():
            text = unit.sub(r"\1\2", text) or text
    return text


def _braced_roots(text: str) -> str:
    first, *rest = text.split("\\sqrt")
    if not all(rest):
        raise _UnreadableError
    return first + "".join(
        "\\sqrt" + (part if part[0] == "{" else f"{{{part[0]}}}{part[1:]}") for part in rest
    )


def _braced_fractions(text: str) -> str:
    first, *rest = text.split("\\frac")
    found = first
    for part in rest:
        if not part:
            raise _UnreadableError
        if part[0] != "{" and len(part) < 2:
            return text
        found += "\\frac" + _braced_pair(part)
    return found


def _braced_pair(part: str) -> str:
    if part[0] == "{":
        return part
    below = part[1:] if part[1] == "{" else f"{{{part[1]}}}{part[2:]}"
    return f"{{{part[0]}}}{below}"


def _plain(text: str) -> str:
    enclosed = re.search(r"^\\text\{(.+?)\}$", text)
    text = enclosed.group(1) if enclosed else text
    text = text.replace("\\%", "%").replace("\\$", "$").replace("$", "").replace("%", "")
    text = text.replace(" or ", " , ").replace(" and ", " , ")
    for word, power in (("million", 6), ("billion", 9), ("trillion", 12)):
        text = text.replace(word, f"*10^{power}")
    for measure in _MEASURES.split("|"):
        text = re.sub(rf"{measure}(es)?(s)? *(\^[0-9]+)?", "", text)
    text = re.sub(r"\^ *\\circ", "", text)
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = _whole(re.sub(r",\\! *", "", text))
    if "\\" in text:
        text = _without_latex(text)
    text = re.sub("- *", "-", text)
    text = re.sub("([0-9]) +([0-9])", r"\1+\2", text)
    text = text.replace(" ", "").replace("{", "").replace("}", "").lower()
    return str(int(float(text.replace(",", "")))) if _is_whole(text) else text


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _whole(text: str) -> str:
    value = _number(text)
    return text if value is None or abs(value - round(value)) > 1e-7 else str(round(value))


def _is_whole(text: str) -> bool:
    value = _number(_without_commas(text))
    return value is not None and abs(value - round(value)) <= 1e-7


def _without_commas(text: str) -> str:
    shorter = re.sub(r"(\d),(\d\d\d)($|\D)", r"\1\2\3", text)
    return text if shorter == text else _without_commas(shorter)


def _without_latex(text: str) -> str:
    text = text.replace("\\tfrac", "\\frac").replace("\\dfrac", "\\frac")
    return _text_of(re.findall(r"\\[A-Za-z]+\s*|\\.|.", text.replace("\\frac", " \\frac"))).strip()


def _text_of(tokens: list[str]) -> str:
    found = []
    while tokens:
        found.append(_next_text(tokens))
    return "".join(found)


def _next_text(tokens: list[str]) -> str:
    token = tokens.pop(0) if tokens else ""
    if token == "{":
        return _text_of(_group(tokens))
    if not token.startswith("\\"):
        return " " if token == "~" else token
    name = token[1:].strip() or " "
    if name == "frac":
        return f"{_next_text(tokens)}/{_next_text(tokens)}"
    if name == "sqrt":
        if tokens[:1] == ["["] and "]" in tokens:
            del tokens[: tokens.index("]") + 1]
        return f"sqrt({_next_text(tokens)})"
    return _MACROS.get(name, "")


def _group(tokens: list[str]) -> list[str]:
    inside: list[str] = []
    depth = 1
    while tokens:
        token = tokens.pop(0)
        depth += (token == "{") - (token == "}")
        if not depth:
            break
        inside.append(token)
    return inside


def _same_value(given: str, reference: str) -> bool:
    if given == reference:
        return True
    if not given:
        return False
    expected, found = _elements(reference), _elements(given)
    if len(expected) > 1 and (reference[0], reference[-1]) != (given[0], given[-1]):
        return False
    if not expected or len(expected) != len(found):
        return False
    return all(map(_same_element, found, expected))


def _elements(text: str) -> list[str]:
    text = _without_commas(text)
    enclosed = len(text) > 2 and text[0] in _BRACKETS and text[-1] in _BRACKETS
    if enclosed and not any(sign in text[1:-1] for sign in _BRACKETS):
        return [part.strip() for part in text[1:-1].split(",")]
    return [text] if text else []


def _same_element(given: str, reference: str) -> bool:
    if _is_fraction(given) and _is_fraction(reference):
        return given == reference
    if _is_whole(given) != _is_whole(reference):
        return False
    both = f"({reference})-({given})"
    letters = {sign for sign in both.replace("sqrt", "").replace("frac", "") if sign.isalpha()}
    if len(letters) > 2 or re.search(r"\^[{(]|\^[0-9]+\^|\^[0-9][0-9]+", both):
        return False
    names = "".join(
        sorted({sign for sign in letters if sign in both.replace("pi", "").replace("sqrt", "")})
    )
    found, expected = as_latex(given, names), as_latex(reference, names)
    if found is None or expected is None:
        return False
    return equivalent(found, expected, policy=_POLICY).outcome is Outcome.CORRECT


def _is_fraction(text: str) -> bool:
    return bool(re.search(r"^-?[0-9]+.?/0*[1-9][0-9]*.?$", text))
