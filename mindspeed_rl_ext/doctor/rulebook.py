"""The doctor's rules: `@rule` declares one, `@check` marks a check that several share.

Covers: loading our own rules, which lie in `rules/`, and those of other packages, which an entry
point of the group `mindspeed_rl_ext.doctor_rules` names: a module whose import declares them.
Does not cover: what rules look at; the classes of `readers/`.

docs/en/doctor.md shows one from outside.
"""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module
from importlib.metadata import entry_points

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.rules import RuleBook

GROUP = "mindspeed_rl_ext.doctor_rules"
BOOK = RuleBook("doctor rule")
rule, check = BOOK.rule, BOOK.check


@functools.cache
def load_rules() -> RuleBook:
    """Imports every module of rules once.

    Raises:
        InputError: the rules of another package can't be loaded; it is named.
    """
    from mindspeed_rl_ext.doctor import rules

    for module in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."):
        import_module(module.name)
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:  # whatever a plugin's own module raises has to be named
            distribution = point.dist.name if point.dist is not None else "an unknown distribution"
            raise InputError(
                f"the doctor rules {point.name!r} of {distribution} can't be loaded",
                found=f"{point.value}: {type(error).__name__}: {error}",
                remedy=f"fix them, or uninstall it: pip uninstall {distribution}",
            ) from error
    return BOOK
