r"""Units of measure: their spellings, what they are made of, and conversion between them.

Covers: SI units with prefixes, imperial units, time, money, Chinese and Russian names, squares and
cubes, products and quotients (`km/h`, `m s^{-2}`, `square centimeters`); words that count things
(`students`). Two units of the same dimension convert: `5 km` is `5000 m`.
Does not cover: temperatures and angles in other units, units with a meaning of their own (`dB`).
pint does not fit: it reads neither LaTeX nor Chinese, and would be a dependency of every host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

Dimensions = tuple[tuple[str, int], ...]


class Unit(NamedTuple):
    """A unit.

    Args:
        name: one spelling of it; empty for no unit.
        factor: how many of the base units of its dimensions it is.
        dimensions: base dimensions with their exponents, sorted.
    """

    name: str = ""
    factor: Fraction = Fraction(1)
    dimensions: Dimensions = ()


NO_UNIT = Unit()

# Factor, dimensions, symbols, and names (with a plural in s).
_ROWS = """
1       L      | m | meter metre 米 м метр метров
1e-9    L      | nm | nanometer 纳米
1e-6    L      | um | micrometer micron 微米
1e-3    L      | mm | millimeter millimetre 毫米 мм
1e-2    L      | cm | centimeter centimetre 厘米 公分 см
1e-1    L      | dm | decimeter decimetre 分米 дм
1e3     L      | km | kilometer kilometre 千米 公里 км
0.0254  L      | in | inch inche 英寸
0.3048  L      | ft | foot feet 英尺
0.9144  L      | yd | yard 码
1609.344 L     | mi | mile 英里
1       M      | kg | kilogram kilo 千克 公斤 кг
1e-3    M      | g | gram gramme 克 г
1e-6    M      | mg | milligram 毫克
1e3     M      | | tonne 吨
0.45359237 M   | lb lbs | pound 磅
0.028349523125 M | oz | ounce 盎司
1       T      | s | second sec 秒 с
1e-3    T      | ms | millisecond 毫秒
60      T      | min | minute mins 分钟 мин
3600    T      | h hr hrs | hour 小时 时 ч
86400   T      | d | day 天 日
604800  T      | wk | week 周 星期
1       month  | | month mo 个月 月
1       year   | yr yrs | year 年 岁
1e-3    L3     | L l | liter litre 升 л
1e-6    L3     | mL ml cc | milliliter millilitre 毫升
0.003785411784 L3 | gal | gallon 加仑
1       MLT-2  | N | newton 牛 牛顿
1e3     MLT-2  | kN | kilonewton
1       ML2T-2 | J | joule 焦 焦耳
1e3     ML2T-2 | kJ | kilojoule 千焦
1       eV     | eV | electronvolt
1e3     eV     | keV |
1e6     eV     | MeV |
1e9     eV     | GeV |
1       cal    | cal | calorie
1e3     cal    | kcal | kilocalorie
1       ML2T-3 | W | watt 瓦 瓦特
1e3     ML2T-3 | kW | kilowatt 千瓦
1e6     ML2T-3 | MW | megawatt
1       ML-1T-2 | Pa | pascal 帕
1e3     ML-1T-2 | kPa | kilopascal
1       T-1    | Hz | hertz 赫兹
1e3     T-1    | kHz | kilohertz
1e6     T-1    | MHz | megahertz
1e-7    ML2T-2 | erg ergs |
1e-5    MLT-2  | dyn | dyne
1       A      | A | ampere amp 安 安培
1e-3    A      | mA | milliampere
1       V      | V | volt 伏 伏特
1e3     V      | kV | kilovolt
1       ohm    | | ohm 欧 欧姆
1       C      | | coulomb 库仑
1       tesla  | | tesla
1       gauss  | | gauss
1       F      | | farad
1       K      | K | kelvin 开
1       mol    | mol | mole 摩尔
1       rad    | rad | radian 弧度
1       degree | deg | degree 度
1       percent | pct | percent
1       AU     | AU |
1       ly     | ly | lightyear
1       pc     | pc | parsec
1       atm    | atm | atmosphere
1       USD    | USD usd | dollar buck
0.01    USD    | | cent
1       EUR    | EUR | euro
1       GBP    | GBP |
1       CNY    | CNY RMB | yuan 元 块 人民币
0.1     CNY    | | jiao 角
1       INR    | INR Rs | rupee
1       RUB    | RUB | ruble рублей руб
1       unit   | | unit 单位
1       person | | person people 人 名
1       child  | | child children
1       man    | | man men
1       woman  | | woman women
1e4     L2     | ha | hectare 公顷
1       acre   | | acre
1       rev    | | revolution
1       rpm    | rpm |
"""
_COMPOUND = {"mph": "mi/h", "kph": "km/h", "kmh": "km/h", "mps": "m/s", "fps": "ft/s"}
_MODIFIERS = {
    "square": 2, "squared": 2, "sq": 2, "平方": 2, "cubic": 3, "cubed": 3, "cu": 3, "立方": 3,
}  # fmt: skip
_DIMENSION = re.compile(r"(L|M|T)(-?[0-9])?")
_PART = re.compile(
    r"(?P<word>[^\W\d_]+)|\^?\s*\{?\s*(?P<power>-? ?[0-9]+)\s*\}?|(?P<slash>/)|(?P<other>.)", re.S
)
_MAX_PARTS = 12


def _rows() -> tuple[dict[str, Unit], frozenset[str]]:
    units, symbols = {}, set()
    for row in _ROWS.strip().splitlines():
        head, short, long = (part.split() for part in row.split("|"))
        factor, dimension = Fraction(head[0]), head[1]
        base = {m[1]: int(m[2] or 1) for m in _DIMENSION.finditer(dimension)}
        whole = "".join(m[0] for m in _DIMENSION.finditer(dimension)) == dimension
        dimensions = tuple(sorted(base.items())) if whole else ((dimension, 1),)
        names = [*short, *long]
        unit = Unit(names[0], factor, dimensions)
        for name in names:
            units[name] = unit
            symbols.update(short)
    return units, frozenset(symbols)


_UNITS: Mapping[str, Unit]
_UNITS, SYMBOLS = _rows()
# Symbols of one letter are names of variables elsewhere.
LONG_SYMBOLS = frozenset(symbol for symbol in SYMBOLS if len(symbol) > 1) | frozenset(_COMPOUND)
CHINESE = frozenset(name for name in _UNITS if "\u4e00" <= name[0] <= "\u9fff")
CYRILLIC = frozenset(name for name in _UNITS if "\u0400" <= name[0] <= "\u04ff")


def is_known(word: str) -> bool:
    """Whether a word is the name or symbol of a unit.

    Example:
        >>> is_known("meters"), is_known("apples")
        (True, False)
    """
    return _named(word) is not None or word in _COMPOUND or word.casefold() in _MODIFIERS


# A pure function of a short text.
@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """The unit that a text names; a word that is no known unit is a dimension of its own.

    Example:
        >>> parse_unit("square centimeters").name, parse_unit("cm^2").name
        ('cm^2', 'cm^2')
        >>> parse_unit("km/h").dimensions == parse_unit("m s^{-1}").dimensions
        True
        >>> parse_unit("students").dimensions == parse_unit("student").dimensions
        True
    """
    factor, powers = Fraction(1), dict[str, int]()
    names: list[str] = []
    sign, modifier = 1, 1
    last: Unit | None = None
    for match in list(_PART.finditer(_expanded(text)))[: 4 * _MAX_PARTS]:
        word = match["word"]
        if match["slash"] or word == "per":
            sign, last = -1, None
        elif match["power"] and last is not None:
            power = match["power"].replace(" ", "")
            more = int(power) - 1
            if abs(more) < 10:
                factor *= last.factor ** (sign * more)
                _add(powers, last.dimensions, sign * more)
                names[-1] += f"^{power}"
            last = None
        elif word and word.casefold() in _MODIFIERS:
            times = _MODIFIERS[word.casefold()]
            if last is not None and word.casefold().endswith("d"):
                factor *= last.factor ** (sign * (times - 1))
                _add(powers, last.dimensions, sign * (times - 1))
                names[-1] += f"^{times}"
            else:
                modifier = times
        elif word and word not in ("of", "a", "an", "the"):
            last = _named(word) or Unit(_singular(word), Fraction(1), ((_singular(word), 1),))
            factor *= last.factor ** (sign * modifier)
            _add(powers, last.dimensions, sign * modifier)
            raised = f"^{modifier}" if modifier > 1 else ""
            names.append(("/" if sign < 0 else "") + last.name + raised)
            modifier = 1
    dimensions = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Unit(" ".join(names).replace(" /", "/"), factor, dimensions)


def _expanded(text: str) -> str:
    bare = text.replace(".", "").strip()
    for name, meaning in _COMPOUND.items():
        bare = re.sub(rf"(?<![A-Za-z]){name}(?![A-Za-z])", meaning, bare, flags=re.IGNORECASE)
    return re.sub("(平方|立方)", r"\1 ", bare.replace("每", "/"))


def _add(powers: dict[str, int], dimensions: Dimensions, times: int) -> None:
    for name, power in dimensions:
        powers[name] = powers.get(name, 0) + power * times


def _named(word: str) -> Unit | None:
    for spelling in (word, word.casefold()):
        if spelling in _UNITS:
            return _UNITS[spelling]
    single = _singular(word)
    return _UNITS.get(single) if len(single) > 2 else None


def _singular(word: str) -> str:
    folded = word.casefold()
    if len(folded) > 3 and folded.endswith("ies"):
        return folded[:-3] + "y"
    return folded[:-1] if folded.endswith("s") and not folded.endswith("ss") else folded
