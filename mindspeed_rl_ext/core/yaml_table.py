"""YAML without surprises: a key that stands twice in one table is an error, not the later one.

Covers: one document of plain values. Does not cover: comments and line numbers; the doctor's
`yaml_file` reads those.
"""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Refuses keys that stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> Any:
    """Reads a document.

    Raises:
        yaml.YAMLError: not readable, or a key that stands twice in one table.

    Example:
        >>> load_yaml("a: 1")
        {'a': 1}
    """
    return yaml.load(text, _Loader)
