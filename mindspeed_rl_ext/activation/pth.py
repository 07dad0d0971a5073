"""The `.pth` file: its name and its one line, made from `startup.py`.

Covers: what setup.py ships and what doctor looks for. Standard library only, no import of this
package: setup.py runs this file by its path.
Does not cover: writing the file; setup.py does.
"""

from __future__ import annotations

import ast
from pathlib import Path

# Sorts after setuptools' `__editable__*.pth`, which puts a checkout on the path.
PTH_NAME = "mindspeed_rl_ext.pth"


def startup_line() -> str:
    """The line that `site` executes: `startup.py` without docstrings, in a namespace of its own.

    Example:
        >>> startup_line().count("\\n"), startup_line().startswith("import ")
        (1, True)
    """
    tree = ast.parse(Path(__file__).with_name("startup.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node
        ):
            del node.body[0]
    code = ast.unparse(tree)
    namespace = "{'__name__': 'mindspeed_rl_ext_startup'}"
    return f"import sys; hasattr(sys, '_msrl_ext') or exec({code!r}, {namespace})\n"
