"""Rotary embeddings as config.json has them, in either spelling.

Covers: base and scaling of transformers 4 (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).
Does not cover: what the scaling does.

Example:
    >>> rope_theta({"rope_parameters": {"rope_theta": 1e6}}), rope_theta({})
    (1000000.0, 10000.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEFAULT_THETA = 10000.0


def rope_theta(config: Mapping[str, Any]) -> float:
    """The rotary base."""
    nested, found = config.get("rope_parameters"), config.get("rope_theta")
    if found is None and isinstance(nested, dict):
        found = nested.get("rope_theta")
    return float(found if found is not None else _DEFAULT_THETA)


def rope_scaling(config: Mapping[str, Any]) -> dict[str, Any]:
    """The scaling with its kind under `type`; {} where there is none.

    Example:
        >>> rope_scaling({"rope_scaling": {"rope_type": "yarn", "factor": 40}})
        {'factor': 40, 'type': 'yarn'}
    """
    found = config.get("rope_scaling") or config.get("rope_parameters")
    if not isinstance(found, dict):
        return {}
    kind = found.get("rope_type", found.get("type"))
    if kind in (None, "default"):
        return {}
    skipped = ("rope_type", "type", "rope_theta")
    return {**{key: value for key, value in found.items() if key not in skipped}, "type": kind}


def rotary_percent(config: Mapping[str, Any]) -> float:
    """The part of a head that is rotated."""
    nested = config.get("rope_parameters")
    found = config.get("partial_rotary_factor")
    if found is None and isinstance(nested, dict):
        found = nested.get("partial_rotary_factor")
    return float(found if found is not None else 1.0)
