"""Lists the messages of the package that have no Chinese twin in `core/catalog`, as templates.

Run `python scripts/messages.py` after a message was added or changed, and write what it prints,
with its Chinese, into the table of its part.

Covers: the texts of our errors, of log records, and of what the commands print with `show`.
Does not cover: texts that stand in both languages beside what they describe (`core.language.Text`).
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mindspeed_rl_ext.core.catalog.translation import entries
from mindspeed_rl_ext.core.language import Language

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mindspeed_rl_ext"
ERRORS = frozenset(
    {"InputError", "CheckFailedError", "MachineError", "HostChangedError", "ExtError"}
)
FIELDS = frozenset({"found", "expected", "remedy"})
LOG_LEVELS = frozenset({"info", "warning", "error"})
LOGGERS = frozenset({"log", "logger", "_LOG", "logging"})
_PERCENT = re.compile(r"%(?:\.\d+)?[-+#0-9.]*[sdrgf]")
_LETTERS = re.compile(r"[A-Za-z]{2}")


class Message(NamedTuple):
    """A text of the package.

    Args:
        place: file and line.
        template: the text, with a name in braces for each value.
    """

    place: str
    template: str


def messages() -> Iterator[Message]:
    """Every message of the package that a reader may see, in the order of files and lines."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "catalog" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from _messages_of(tree, str(path.relative_to(ROOT)))


def _messages_of(tree: ast.Module, file: str) -> Iterator[Message]:
    constants = _assigned(tree.body)
    for scope in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))]:
        names = {**constants, **(_assigned(_own_statements(scope)) if scope is not tree else {})}
        for call in _own_calls(scope):
            for node in _texts_of_call(call):
                for template in _lines_of(call, _templates(node, names)):
                    if _LETTERS.search(re.sub(r"\{\w*\}", "", template)):
                        yield Message(f"{file}:{call.lineno}", template)


def _lines_of(call: ast.Call, templates: Iterator[str]) -> Iterator[str]:
    """Output is translated line by line, everything else as a whole."""
    for one in templates:
        yield from (
            (line.strip() for line in one.split("\n")) if _name_of(call) == "show" else [one]
        )


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _own_statements(scope: ast.AST) -> list[ast.stmt]:
    found = []
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, ast.FunctionDef | ast.ClassDef):
            found += [child] if isinstance(child, ast.stmt) else []
            found += _own_statements(child)
    return found


def _own_calls(scope: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.FunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _own_calls(child)


def _assigned(statements: list[ast.stmt]) -> Mapping[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for one in statements:
        targets = one.targets if isinstance(one, ast.Assign) else []
        if isinstance(one, ast.AnnAssign) and one.value is not None:
            targets = [one.target]
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(
                one.value, ast.Constant | ast.JoinedStr | ast.IfExp | ast.BinOp
            ):
                found.setdefault(target.id, []).append(one.value)
    return found


def _texts_of_call(call: ast.Call) -> Iterator[ast.expr]:
    name = _name_of(call)
    if name in ERRORS or (name == "__init__" and isinstance(call.func, ast.Attribute)):
        yield from call.args[:1]
        yield from (one.value for one in call.keywords if one.arg in FIELDS)
    elif name == "MissingExtraError":
        yield from call.args[2:]
    elif name in LOG_LEVELS and getattr(getattr(call.func, "value", None), "id", "") in LOGGERS:
        yield from call.args[:1]
    elif name in ("show", "KeyboardInterrupt"):
        yield from call.args
    else:  # helpers that pass a part of an error on
        yield from (one.value for one in call.keywords if one.arg in FIELDS)


def _templates(node: ast.expr, names: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    """The templates that an expression may give."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield _PERCENT.sub("{}", node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{_name(part.value)}}}"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    elif isinstance(node, ast.IfExp):
        yield from _templates(node.body, names)
        yield from _templates(node.orelse, names)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _templates(value, names)
    elif isinstance(node, ast.Name):
        for value in names.get(node.id, []):
            if not (isinstance(value, ast.Name)):
                yield from _templates(value, {})
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "join":
        for one in node.args:
            if isinstance(one, ast.GeneratorExp | ast.ListComp):
                yield from _templates(one.elt, names)


def _name(value: ast.expr) -> str:
    words = re.findall(r"[A-Za-z_]\w*", ast.unparse(value))
    return next((word for word in reversed(words) if len(word) > 1), "value")


def blanked(template: str) -> str:
    """A template without the names of its values; values that touch are one."""
    return re.sub(r"(\{\})+", "{}", re.sub(r"\{\w*(:message)?\}", "{}", template))


def named(template: str) -> str:
    """A template as a table has it: each value with a name of its own."""
    taken: dict[str, int] = {}

    def name(match: re.Match[str]) -> str:
        word = re.findall(r"\w+", match.group())
        word = word[0] if word else "value"
        taken[word] = taken.get(word, 0) + 1
        return f"{{{word}{taken[word] if taken[word] > 1 else ''}}}"

    return re.sub(r"(\{\w*\})+", name, template)


def without_twin(language: Language) -> list[Message]:
    """The messages that a language's tables lack."""
    known = {blanked(english) for english, _ in entries(language)}
    return [one for one in messages() if blanked(one.template) not in known]


def main() -> int:
    """Prints what is missing; returns 1 where something is."""
    missing = without_twin("zh")
    for one in missing:
        print(f"{one.place}: {json.dumps(named(one.template), ensure_ascii=False)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
