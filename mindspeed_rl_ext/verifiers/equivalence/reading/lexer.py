r"""An answer as tokens: both sides are cleaned alike, so spelling does not decide.

Covers: outer dollar signs and delimiters, spacing commands, `\left`, `\dfrac`, styles, Unicode
signs, thousands separators, `\text`. One pass, no pattern that backtracks.
Does not cover: meaning; `reader` does.

Example:
    >>> [token.text for token in tokens(r"$\dfrac{1}{2}\,$.")]
    ['\\frac', '{', '1', '}', '{', '2', '}']
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.reading.literals import repeating
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError, is_digits, words
from mindspeed_rl_ext.verifiers.equivalence.spelling.characters import plain_characters

MAX_TOKENS = 1500
MAX_DIGITS = 1200


class Token(NamedTuple):
    """One token: `number`, `letter`, `command`, `word` (bare), `text` (in a group), `mark`."""

    kind: str
    text: str


_SAME = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\leq": r"\le",
    r"\geq": r"\ge", r"\leqslant": r"\le", r"\geqslant": r"\ge", r"\neq": r"\ne", r"\lt": "<",
    r"\gt": ">", r"\ast": "*", r"\cdot": "*", r"\div": "/", r"\lbrace": r"\{",
    r"\rbrace": r"\}", r"\varnothing": r"\emptyset", r"\dbinom": r"\binom", r"\tbinom": r"\binom",
    r"\lvert": "|", r"\rvert": "|", r"\vert": "|", r"\mid": "|", r"\rbrack": "]",
    r"\simeq": r"\approx", r"\R": r"\mathbb{R}", r"\backslash": r"\setminus", r"\prime": "'",
    r"\lbrack": "[", r"\langle": "(", r"\rangle": ")", r"\bmod": r"\pmod", r"\bigcup": r"\cup",
    r"\mod": r"\pmod", r"\land": r"\wedge", r"\colon": ":", r"\varphi": r"\phi",
    r"\varepsilon": r"\epsilon", r"\vartheta": r"\theta", r"\varrho": r"\rho",
    r"\varsigma": r"\sigma", r"\sfrac": r"\frac", r"\nicefrac": r"\frac", r"\flatfrac": r"\frac",
    r"\tg": r"\tan", r"\ctg": r"\cot", r"\arctg": r"\arctan", r"\arcctg": r"\arccot",
    r"\cosec": r"\csc", r"\sh": r"\sinh", r"\ch": r"\cosh", r"\th": r"\tanh",
    r"\ldots": "...", r"\dots": "...", r"\cdots": "...", r"\dotsc": "...", r"\hdots": "...",
    r"\implies": r"\Rightarrow", r"\sim": r"\approx", r"\doteq": r"\approx",
    r"\smallsetminus": r"\setminus", r"\top": r"\top", r"\widetilde": r"\tilde",
    r"\lnot": r"\neg", r"\lor": r"\vee", r"\le": r"\le", r"\thickapprox": r"\approx",
}  # fmt: skip
_DROPPED = words(r"""
    \left \right \displaystyle \textstyle \scriptstyle \limits \big \Big \bigg \Bigg \bigl
    \bigr \Bigl \Bigr \biggl \biggr \quad \qquad \, \! \; \: \> \  \$ \( \) \[ \] \hfill
    \boxed \fbox \mathbf \boldsymbol \mathit \bm \pmb \rm \bf \it \mathsf""") | {
    "\\ ",
    "\\\n",
}
_TEXTS = words(
    r"\text \textbf \textit \textrm \mbox \mathrm \textnormal \operatorname \hbox \si \unit"
)
_LETTERS = words(r"\mathcal \mathscr \mathfrak \mathbb")
_SETS = words("R Z N Q C")
_VECTORS = re.compile(r"\\(?:vec|mathbf|boldsymbol|bm|overrightarrow|hat)(?![A-Za-z])")
_WORDS = {
    "sqrt": r"\sqrt", "pi": r"\pi", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "ln": r"\ln",
    "log": r"\log", "exp": r"\exp", "infinity": r"\infty", "inf": r"\infty", "theta": r"\theta",
    "alpha": r"\alpha", "beta": r"\beta", "arcsin": r"\arcsin", "arccos": r"\arccos",
    "arctan": r"\arctan", "sec": r"\sec", "csc": r"\csc", "cot": r"\cot",
    "sinh": r"\sinh", "cosh": r"\cosh", "tanh": r"\tanh", "floor": "floor", "ceil": "ceil",
    "ceiling": "ceil", "abs": "abs", "tg": r"\tan", "ctg": r"\cot", "arctg": r"\arctan",
    "asin": r"\arcsin", "acos": r"\arccos", "atan": r"\arctan", "sh": r"\sinh", "ch": r"\cosh",
    "th": r"\tanh", "lg": r"\lg", "choose": r"\choose", "max": r"\max", "min": r"\min",
    "gcd": r"\gcd", "lcm": r"\lcm", "cbrt": "cbrt", "mod": r"\pmod",
    "factorial": "factorial", "arcsinh": r"\arcsinh", "arccosh": r"\arccosh",
    "arctanh": r"\arctanh", "arcsec": r"\arcsec", "arccsc": r"\arccsc", "arccot": r"\arccot",
    "det": r"\det", "lim": r"\lim", "gamma": r"\gamma", "lambda": r"\lambda", "omega": r"\omega",
    "delta": r"\delta", "cosec": r"\csc", "infty": r"\infty",
}  # fmt: skip
_APPLIED = words("sin cos tan ln log")
# Units that are a letter or a function elsewhere.
_UNIT_WORDS = words("m g s h L l N J W V K min")
# What a number may end with: a unit in \mathrm may stand behind it.
_NUMBER_ENDS = frozenset({"}", ")", r"\pi"})
_NUMBER_WORDS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
_OPENING = frozenset({"(", "[", r"\{", r"\langle"})
_CLOSING = frozenset({")", "]", r"\}", r"\rangle"})
JOINS = frozenset({"and", "or"})
# Four letters in a row are a word, not a product: anagrams must not be equal.
_MIN_WORD = 4

_GROUPS = re.compile(
    r"(?<=[0-9])[ ]{0,4}(?:\\[,!;: ]|\{,\}|,[ ]?\\!|~)[ ]{0,4}(?=[0-9]{3}(?![0-9]))"
)
_TOKEN = re.compile(
    r"(?P<space>[\s~$]+)"
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<number>(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?"
    r"(?:[eE][-+]?[0-9]+(?![0-9A-Za-z]))?|\.[0-9]+(?:[eE][-+]?[0-9]+(?![0-9A-Za-z]))?)"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<double>\*\*(?![*/])|(?<![0-9)!])!=|=/=|<>|=<|\.\.\.+)"
    r"|(?P<mark>.)",
    re.DOTALL,
)
# `\text{3 hours}`: a number and what it counts.
_DOUBLE = {"**": "^", "!=": r"\ne", "=/=": r"\ne", "<>": r"\ne", "=<": r"\le"}
_COUNTED = re.compile(r"([0-9]+(?:[.:][0-9]+)?) ([A-Za-z]{2}[A-Za-z. ]*)\Z")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")


def tokens(text: str) -> list[Token]:
    """The tokens of an answer.

    Raises:
        UnreadableError: more tokens or digits than are read, or a `\\text` that is not closed.
    """
    cleaned = _GROUPS.sub("", plain_characters(text))
    cleaned = cleaned.replace("{:}", ":")
    if "&" in cleaned and r"\begin" not in cleaned:
        cleaned = cleaned.replace(r"\&", "&").replace("&", ",")
    found: list[Token] = []
    position, depth = 0, 0
    while position < len(cleaned):
        match = _TOKEN.match(cleaned, position)
        if match is None:  # the last alternative takes any character
            break
        position = match.end()
        kind, text = match.lastgroup, match[0]
        if kind == "number":
            if depth and "," in text:
                # Inside brackets a comma separates; outside it may group thousands.
                match = _PLAIN.match(cleaned, match.start()) or match
                position = match.end()
            found.append(_number(match[0]))
        elif kind == "mark":
            depth += (text in _OPENING) - (text in _CLOSING)
            found.append(Token("mark", text))
        elif kind == "command":
            depth += (text in _OPENING) - (text in _CLOSING)
            position = _take_command(text, cleaned, position, found)
        elif kind == "word":
            found += _word(text, "word")
        elif kind == "double":
            _take_double(text, found)
        if len(found) > MAX_TOKENS:
            raise UnreadableError(f"more than {MAX_TOKENS} tokens")
    return _without_final_marks(found)


def _number(text: str) -> Token:
    number = text.replace(",", "")
    if len(number) > MAX_DIGITS:
        raise UnreadableError(f"a number of more than {MAX_DIGITS} digits")
    return Token("number", number)


def _take_double(sign: str, found: list[Token]) -> None:
    """Signs of several characters; the dots behind a decimal say that its digits go on."""
    name = _DOUBLE.get(sign, "...")
    if name != "...":
        found.append(Token("command" if name[0] == "\\" else "mark", name))
        return
    before = found[-1] if found else Token("mark", "")
    if before.kind != "number":
        found.append(Token("ellipsis", "..."))
        return
    value = repeating(before.text)
    if value is None:
        raise UnreadableError("an ellipsis behind digits that do not repeat")
    found.pop()
    parts = ("(", str(value.numerator), "/", str(value.denominator), ")")
    found += [Token("number" if is_digits(part) else "mark", part) for part in parts]


def _take_command(command: str, text: str, position: int, found: list[Token]) -> int:
    name = _SAME.get(command, command)
    if name in _TEXTS:
        content, position = _braced(text, position)
        content = content.replace("~", " ").strip()
        if content in _UNIT_WORDS and _is_quantity(found, name):
            found.append(Token("text", content))
        elif (counted := _COUNTED.match(content)) is not None:
            found += tokens(counted[1])
            found += _word(counted[2], "text")
        elif any(char.isalpha() for char in content):
            found += _word(" ".join(content.replace("\\", " ").split()), "text")
        elif content.strip():
            found += tokens(content)
    elif name in _DROPPED:
        pass
    elif name == "...":
        _take_double("...", found)
    elif name == r"\times":
        # Between vectors it is no product of numbers.
        found.append(Token("cross" if _VECTORS.search(text) else "mark", "*"))
    elif name in (r"\num", r"\SI", r"\qty"):
        content, position = _braced(text, position)
        found += tokens(content)
        if name != r"\num":
            content, position = _braced(text, position)
            found.append(Token("text", content.replace("\\", " ").strip()))
    elif name in _LETTERS:
        content, position = _one(text, position)
        content = content.strip()
        is_set = name == r"\mathbb" and content in _SETS
        known = len(content) == 1 and not is_set
        found.append(
            Token("letter", content) if known else Token("command", f"{name}{{{content}}}")
        )
    elif name == r"\degree":
        caret = [] if found and found[-1].text == "^" else [Token("mark", "^")]
        found += [*caret, Token("command", r"\circ")]
    elif name in (r"\begin", r"\end"):
        content, position = _braced(text, position)
        found.append(Token("command", f"{name}{{{content.strip()}}}"))
    else:
        found.append(Token("command" if name[0] == "\\" else "mark", name))
    return position


def _is_quantity(found: list[Token], name: str) -> bool:
    """Whether a unit may follow: a number, or `/` or `*` behind another unit."""
    before = [token.kind for token in found[-2:]]
    if name == r"\mathrm" and found and found[-1].text in _NUMBER_ENDS:
        return not any(token.kind == "letter" for token in found)
    joined = bool(found) and found[-1].text in ("/", "*")
    return before[-1:] == ["number"] or (joined and before[0] == "text")


def _word(word: str, kind: str) -> list[Token]:
    """A name of mathematics, a word, or letters side by side."""
    folded = word.lower().strip(" ,")
    if word in ("binom", "binomial"):
        return [Token("letter", "C")]
    if word in _WORDS:
        return [Token("command", _WORDS[word])]
    if folded in _NUMBER_WORDS:
        return [Token("number", _NUMBER_WORDS[folded])]
    if folded == "to":
        return [Token("mark", ":")]  # `2 to 1`
    if folded in JOINS:
        return [Token("text", folded)]
    if len(word) == 1 and word.isascii() and word.isalpha():
        return [Token("letter", word)]
    if kind == "word" and word[:-1] in _APPLIED:
        return [Token("command", _WORDS[word[:-1]]), Token("letter", word[-1])]  # `sinx`
    if kind == "text" or len(word) >= _MIN_WORD:
        return [Token(kind, word)]
    return [Token("letter", letter) for letter in word]


def _one(text: str, position: int) -> tuple[str, int]:
    r"""What a font command takes: a group, or the letter behind it, as in `\mathbb R`."""
    rest = text[position:].lstrip()
    if not rest[:1].isalpha():
        return _braced(text, position)
    return rest[0], len(text) - len(rest) + 1


def _braced(text: str, position: int) -> tuple[str, int]:
    r"""The group after a command, braces of its own included, and where it ends."""
    while text[position : position + 1].isspace():
        position += 1
    if text[position : position + 1] != "{":
        raise UnreadableError("a command without its group")
    depth = 0
    for index in range(position, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if depth == 0:
            return text[position + 1 : index], index + 1
    raise UnreadableError("a group that is not closed")


def _without_final_marks(found: list[Token]) -> list[Token]:
    if [token.text for token in found[-2:]] == [".", "."]:
        raise UnreadableError("an ellipsis")
    if found and found[-1].kind == "mark" and found[-1].text in ".,;":
        found.pop()
    if found and found[-1].kind == "number" and found[-1].text.endswith("."):
        found[-1] = Token("number", found[-1].text[:-1])
    return found
