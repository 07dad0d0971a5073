r"""Answers in Chinese as the LaTeX and English that they stand for.

Covers: numerals (`三分之二`, `百分之50`, `二十一`), 根号, 或 和 且, units and counters behind a
number, 选A, 无解, 不存在, 是 and 否, the announcement of an answer.
Does not cover: sentences.
"""

from __future__ import annotations

import re

_DIGITS = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_TENS = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_NUMERAL = "[零〇一二两三四五六七八九十百千万亿]+"
_VALUE = rf"(?:[0-9.]+|{_NUMERAL})"
_CJK = re.compile("[\u4e00-\u9fff]")
_ANNOUNCED = re.compile(
    r"\A(?:所以|因此|故|则|解|综上)*[,:]?\s*(?:正确|最终|最后|本题)*的?(?:答案|结果|结论|值|答)"
    r"\s*(?:应该|应)?(?:是|为|等于|选)?\s*[::]?\s*(?!案)"
)
_WHEN = re.compile(r"(?:当|若)\s*([^\u4e00-\u9fff]+?)\s*(?:时|的时候)")
# `最大值为5`: the quantity that an answer is; not what it is not.
_NAMED = re.compile(
    r"\A(?![\u4e00-\u9fff]*[不非或没无未至可也])[\u4e00-\u9fff]{0,8}(?:是|为|等于)\s*[::]?\s*(?=[-+0-9(\[\\$√a-zA-Z])"
)
_CHOSEN = re.compile(r"\A(?:故|应|因此|所以)?(?:选择|选项|选)(?:答案|项)?(?:是|为)?\s*[::]?\s*")
_WHOLE = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        (
            "(?:方程|不等式|此题|原方程|该方程)?组?(?:无|没有)(?:实数|实)?(?:解|根)|是?空集",
            r"\text{no solution}",
        ),
        ("(?:极限|值)?(?:不存在|无意义)", r"\text{does not exist}"),
        (
            "有?(?:无穷多|无数|无限多)(?:多个|个|组|种)?解?|无穷大?",
            r"\text{infinitely many}",
        ),
        ("是的?|对的?|正确|成立|能|可以|会", "yes"),
        ("否|不是|不对|错误?的?|不正确|不成立|不能|不可以|不会", "no"),
        ("全体实数|所有实数|任意实数|实数集|一切实数", r"\mathbb{R}"),
        ("无|没有", r"\text{none}"),
        ("正无穷大?", r"\infty"),
        ("负无穷大?", r"-\infty"),
    )
)
_PARTS = (
    (re.compile(rf"({_VALUE})又({_VALUE})分之({_VALUE})"), r"(\1+\\frac{\3}{\2})"),
    (re.compile(rf"百分之({_VALUE})"), r"\1\\%"),
    (re.compile(rf"({_VALUE})分之({_VALUE})"), r"\\frac{\2}{\1}"),
    (re.compile(r"([0-9.]+)度([0-9.]+)分(?:([0-9.]+)秒)?"), r"\1^\\circ \2'"),
    (re.compile(rf"根号下?\s*(\(|\{{|{_VALUE}|[a-z])"), r"\\sqrt\1"),
    (re.compile(rf"({_VALUE})比({_VALUE})"), r"\1:\2"),
    (re.compile(r"(?:或者|或)"), r" \\text{ or } "),
    (re.compile(r"(?:并且|且|和|与|以及)"), r" \\text{ and } "),
    (re.compile(r"负(?=[0-9零〇一二两三四五六七八九十])"), "-"),
    (re.compile(r"\A(?:大约|约为|约|大概|近似为?)"), ""),
    (re.compile(r"(?:左右)\Z"), ""),
    (re.compile("派|圆周率"), r"\\pi "),
    (re.compile("大于等于|大于或等于|不小于"), r"\\ge "),
    (re.compile("小于等于|小于或等于|不大于"), r"\\le "),
    (re.compile("不等于"), r"\\ne "),
    (re.compile("大于"), ">"),
    (re.compile("小于"), "<"),
    (re.compile("等于"), "="),
    (re.compile("属于"), r"\\in "),
)  # fmt: skip
_ROOT = re.compile(r"\\sqrt([0-9.]+)")
_SCALED = re.compile(r"([0-9.]+)([万亿])")
_WORDED = re.compile(_NUMERAL)
_COUNTED = re.compile(r"(?<=[0-9)}.%])\s*([\u4e00-\u9fff]{1,8}(?:/[\u4e00-\u9fff]{1,6})?)\s*\Z")
_UNIT_OF_POWER = re.compile(
    r"(?<=[0-9)}])\s*((?:平方|立方)?[\u4e00-\u9fff]{1,4}(?:\^\{?[23]\}?))\Z"
)
# Characters that change a number instead of counting with it.
_NO_COUNTERS = frozenset("万千百亿兆成倍半多余以上下左右至少或且和不非无负分折约每")
_FIRST = re.compile(r"\A(?:共有?|一共|总共|合计|有)\s*(?=[0-9零一二两三四五六七八九十])")
_MINUTES = ("分钟", "分米")


def without_chinese(text: str) -> str:
    r"""The text with Chinese words translated, as far as answers need them.

    Example:
        >>> without_chinese("三分之二"), without_chinese("5.8厘米"), without_chinese("选A")
        ('\\frac{2}{3}', '5.8\\text{ 厘米}', 'A')
        >>> without_chinese("1或2")
        '1 \\text{ or } 2'
    """
    if not _CJK.search(text) or len(text) > 400:
        return text
    if match := _WHEN.fullmatch(text.strip().rstrip(".,")):
        text = match[1]
    text = _CHOSEN.sub("", _ANNOUNCED.sub("", text.strip())).strip().rstrip(".")
    text = _NAMED.sub("", text)
    for pattern, meaning in _WHOLE:
        if pattern.fullmatch(text):
            return meaning
    text = _FIRST.sub("", text)
    if match := _counted(text):
        text, unit = text[: match.start()], rf"\text{{ {match[1]}}}"
    else:
        unit = ""
    for pattern, meaning in _PARTS:
        text = pattern.sub(meaning, text)
    text = _ROOT.sub(r"\\sqrt{\1}", text)
    text = _SCALED.sub(lambda m: rf"{m[1]}\cdot {_LARGE[m[2]]}", text)
    text = _WORDED.sub(lambda m: str(_number(m[0]) if _number(m[0]) is not None else m[0]), text)
    return text + unit


def _counted(text: str) -> re.Match[str] | None:
    """The unit or counter at the end."""
    match = _COUNTED.search(text)
    if match is None:
        match = re.search(
            r"(?<=[零一二两三四五六七八九十百])([^\W\d_零一二两三四五六七八九十百千万亿]{1,4})\Z",
            text,
        )
        if match is None or not _CJK.match(match[1]):
            return None
    word = match[1]
    if _NO_COUNTERS.intersection(word.replace("分钟", "").replace("分米", "")) and not (
        word.startswith(("平方", "立方", "千米", "千克", "千瓦", "百分", "千焦"))
    ):
        return None
    return match


def _number(text: str) -> int | None:
    """The number of a numeral such as 二十一; None where it is none.

    Digits side by side, such as 二〇二四, are read one by one.
    """
    if all(char in _DIGITS for char in text):
        return int("".join(str(_DIGITS[char]) for char in text))
    total = part = digit = 0
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
        elif char in _TENS:
            part += (digit or 1) * _TENS[char]
            digit = 0
        else:
            total = (total + part + digit) * _LARGE[char]
            part = digit = 0
            if not total:
                return None
    return total + part + digit
