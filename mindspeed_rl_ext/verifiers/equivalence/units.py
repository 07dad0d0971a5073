r"""Units by one name: `cm`, `centimeters`, `\text{ square cm}`, `km/h`, `mph`.

Covers: spellings of common units, squares and cubes, quotients. Does not cover: conversion (`1 m`
and `100 cm` are different answers to "how many centimetres"), dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPELLINGS = """
    mm millimeter millimetre | cm centimeter centimetre | m meter metre | km kilometer kilometre |
    in inch inche | ft foot feet | yd yard | mi mile | g gram | kg kilogram | mg milligram |
    lb pound lbs | oz ounce | l liter litre | ml milliliter millilitre | gal gallon |
    s second sec | min minute | h hour hr | d day | week wk | month | year yr |
    dollar usd buck | cent | degree deg | percent | unit | rad radian | hz hertz | n newton |
    j joule | w watt | kw kilowatt | v volt | a ampere amp | k kelvin | mol mole | pa pascal |
    m/s mps | km/h kph kmh | mi/h mph | person people | child children | man men | woman women
"""
_NAMES: Mapping[str, str] = {
    spelling: row.split()[0] for row in _SPELLINGS.split("|") for spelling in row.split()
}
_POWERS = {"square": "^2", "squared": "^2", "sq": "^2", "cubic": "^3", "cubed": "^3", "cu": "^3"}
_PARTS = re.compile(r"[a-z]+|[0-9]+|[/^]")
KNOWN = frozenset(_NAMES)


def canonical(text: str) -> str:
    """One spelling of a unit; words that are no unit are kept, in the singular.

    Example:
        >>> canonical("square centimeters"), canonical("cm^2"), canonical("miles per hour")
        ('cm^2', 'cm^2', 'mi/h')
    """
    parts, power = [], ""
    for part in _PARTS.findall(text.casefold().replace(".", "")):
        if part == "per":
            parts.append("/")
        elif part in _POWERS and not (parts and _POWERS[part] and part.endswith("d")):
            power = _POWERS[part]
        elif part in _POWERS:
            parts.append(_POWERS[part])
        elif part.isalpha():
            parts.append(_named(part) + power)
            power = ""
        else:
            parts.append(part)
    joined = "".join(f" {part}" if part[0].isalpha() else part for part in parts)
    joined = joined.replace("/ ", "/").strip()
    return _NAMES.get(joined, joined)


def _named(word: str) -> str:
    if word in _NAMES:
        return _NAMES[word]
    single = word[:-1] if word.endswith("s") and len(word) > 2 else word
    return _NAMES.get(single, single)
