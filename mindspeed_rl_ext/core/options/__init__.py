"""Options declared once: the fields of a dataclass, from which everything else is derived.

A field made by `option` carries its help in both languages, its environment variable, the host's
key for it, its limits and whether a resumed run must repeat it. Derived from that: flags
(`add_options`), values of YAML files and `MSRL_EXT_*` variables (`build_options`,
`read_environment`), checks (`check_options`), what a resumed run must repeat (`identity_of`), the
same options in another process (`to_json`, `from_json`), the tables of the documentation
(`describe_options`).

Covers: text, numbers, switches, paths, lists, JSON tables.
Does not cover: rules between options; the dataclass checks those in `__post_init__`.

Example:
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Options:
    ...     limit: int = option("rows to read", "读取的行数", default=5, minimum=1)
    ...     def __post_init__(self) -> None:
    ...         check_options(self)
    >>> build_options(Options, ("rows.yaml", {"limit": 3}))
    Options(limit=3)
    >>> read_environment(Options, {})
    {}
"""

from __future__ import annotations

from mindspeed_rl_ext.core.options.declaration import (
    ENVIRONMENT_PREFIX,
    FALSE_WORDS,
    TRUE_WORDS,
    Declared,
    Option,
    OptionRow,
    declared_options,
    describe_options,
    option,
)
from mindspeed_rl_ext.core.options.flags import add_options, flags_of, given_options
from mindspeed_rl_ext.core.options.values import (
    build_options,
    check_options,
    from_json,
    identity_of,
    read_environment,
    to_json,
)

__all__ = [
    "ENVIRONMENT_PREFIX",
    "FALSE_WORDS",
    "TRUE_WORDS",
    "Declared",
    "Option",
    "OptionRow",
    "add_options",
    "build_options",
    "check_options",
    "declared_options",
    "describe_options",
    "flags_of",
    "from_json",
    "given_options",
    "identity_of",
    "option",
    "read_environment",
    "to_json",
]
