"""Flags and keys of the hosts that a command takes without doing anything, or refuses by name.

Covers: one table per command, with the kind and the reason of each flag; the parser's flags and the
keys of YAML files come from it.
Does not cover: flags that do something; options declare those.

Example:
    >>> known = {"cache_dir": HostFlag("value", "nothing is cached")}
    >>> take_host_flags({"cache_dir": "x", "input": "rows.jsonl"}, known, "rows.yaml")
    {'input': 'rows.jsonl'}
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mindspeed_rl_ext.core.errors import InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HostFlag:
    """What is known of a host's flag.

    Args:
        kind: whether it takes no value, one, or several.
        reason: why it has no effect; of a refused one, why and what to do instead.
        refused: whether it would change the result in a way that this package does not do.
        neutral: the value that stands for "not asked for" beside the empty ones; None for none.
    """

    kind: Literal["switch", "value", "list"]
    reason: str
    refused: bool = False
    neutral: Any = None

    def asks(self, value: Any) -> bool:
        """Whether a value asks for what the flag does.

        Example:
            >>> switch = HostFlag("value", "no history", refused=True, neutral=True)
            >>> switch.asks(True), switch.asks(False), switch.asks(None)
            (False, True, False)
        """
        if self.neutral is not None:
            return value is not None and str(value).lower() != str(self.neutral).lower()
        return bool(value) and str(value).lower() not in ("false", "none")


_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "switch": {"action": "store_true"},
    "value": {},
    "list": {"nargs": "*"},
}


def add_host_flags(parser: argparse.ArgumentParser, table: Mapping[str, HostFlag]) -> None:
    """Adds the flags of a table, hidden; one that is not given is absent from the namespace."""
    for name, flag in table.items():
        parser.add_argument(
            "--" + name.replace("_", "-"),
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
            **_ARGUMENTS[flag.kind],
        )


def take_host_flags(
    given: Mapping[str, Any], table: Mapping[str, HostFlag], source: str
) -> dict[str, Any]:
    """The values that are not the hosts'; says which have no effect.

    Args:
        given: values by name.
        table: the hosts' flags.
        source: where the values come from, for messages.

    Raises:
        InputError: a refused flag has a value; a host's YAML may name the flag's empty default.
    """
    left = {}
    for name, value in given.items():
        flag = table.get(name)
        if flag is None:
            left[name] = value
        elif not flag.refused:
            logger.info("%s: %s has no effect: %s", source, name, flag.reason)
        else:
            refuse_host_flag(name, value, flag, source)
    return left


def refuse_host_flag(name: str, value: Any, flag: HostFlag, source: str) -> None:
    """Raises InputError where a refused flag asks for something."""
    if flag.asks(value):
        raise InputError(
            f"{source}: {name} is not supported", found=repr(value), remedy=flag.reason
        )


def refuse_host_flags(args: Any, table: Mapping[str, HostFlag], source: str) -> None:
    """Raises InputError where a host's parsed arguments ask for what the table refuses.

    Args:
        args: the host's arguments; it may lack any of them.
        table: the hosts' flags.
        source: whose arguments, for messages.
    """
    for name, flag in table.items():
        if flag.refused:
            refuse_host_flag(name, getattr(args, name, flag.neutral), flag, source)
