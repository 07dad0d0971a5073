"""What doctor says, in English and Chinese: one table a topic, one row an id.

Covers: joining the tables. Does not cover: when a row is said; the checks decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from mindspeed_rl_ext.doctor.texts.text import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    Language,
    Level,
    Text,
    language_of,
)

TOPICS = (
    "activation",
    "checkpoint",
    "data",
    "datasets",
    "environment",
    "launch",
    "model",
    "nodes",
    "numbers",
    "resume",
    "rewards",
    "rlxf",
    "trl",
)
_TABLES: tuple[Mapping[str, Text], ...] = tuple(
    import_module(f"{__name__}.{topic}").TEXTS for topic in TOPICS
)
TEXTS: dict[str, Text] = {name: text for table in _TABLES for name, text in table.items()}

__all__ = [
    "DEFAULT_LANGUAGE",
    "LANGUAGES",
    "TEXTS",
    "TOPICS",
    "Language",
    "Level",
    "Text",
    "language_of",
]
