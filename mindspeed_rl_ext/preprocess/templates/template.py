"""The prompt templates of the hosts: a prompt to the elements that are encoded one by one.

Covers: the schema of templates.json as the hosts read it (slots with `{{content}}` and `{{idx}}`,
`{"token": ...}`, `["bos_token"]`, `["eos_token"]`; user, assistant, system, separator, prefix;
default_system, stop_words, replace_eos, efficient_eos); names that begin with `llama2`,
whose system text goes inside the first user turn (so does `template_class` Llama2Template).
Does not cover: tools, observations, and the reasoning class of qwen3, which is refused.

Example:
    >>> from mindspeed_rl_ext.preprocess.record import Prompt
    >>> load_template("qwen").render(Prompt("Hi", system="Be brief."))[1]
    '<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\n'
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.preprocess.record import Prompt
from mindspeed_rl_ext.preprocess.templates import variants

SHIPPED_TEMPLATES = "templates.json"
# Values of template_class; the hosts' other classes do more than put text around turns.
SYSTEM_INSIDE_USER = "Llama2Template"
PLAIN_CLASSES = ("Template", SYSTEM_INSIDE_USER)
_PLACEHOLDER = re.compile(r"\{\{[a-zA-Z_][a-zA-Z0-9_]*\}\}")


@dataclass(frozen=True)
class Token:
    """One token by its text, never split."""

    text: str


@dataclass(frozen=True)
class SpecialToken:
    """The tokenizer's own token of that role.

    Args:
        role: "bos" or "eos".
    """

    role: str


Element = str | Token | SpecialToken
Slots = tuple[Element, ...]


class PromptTemplate(Protocol):
    """What the encoder needs: a template of templates.json or the tokenizer's own."""

    @property
    def name(self) -> str:
        """Its `prompt_type`."""

    @property
    def stop_words(self) -> tuple[str, ...]:
        """Texts that end a turn."""

    @property
    def replace_eos(self) -> bool:
        """Whether the first stop word stands for the eos token."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of the template."""

    def render(self, prompt: Prompt) -> list[Element]:
        """The elements of a prompt, in order, each to be encoded by itself."""


@dataclass(frozen=True)
class Template:
    """One template.

    Args:
        name: its `prompt_type`.
        user: slots around a user turn, opening the assistant's.
        assistant: slots around an assistant turn of the history.
        system: slots around the system prompt.
        separator: slots before every user turn but the first.
        prefix: slots before everything.
        default_system: the system prompt of rows that bring none.
        stop_words: texts that end a turn.
        replace_eos: whether the first stop word stands for the eos token.
        system_inside_user: whether the system text is part of the first user turn.
        remarks: what a person should know of it.
    """

    name: str
    user: Slots
    assistant: Slots
    system: Slots
    separator: Slots = ()
    prefix: Slots = ()
    default_system: str = ""
    stop_words: tuple[str, ...] = ()
    replace_eos: bool = False
    system_inside_user: bool = False
    remarks: tuple[str, ...] = ()

    def render(self, prompt: Prompt) -> list[Element]:
        """The elements of a prompt, in order, each to be encoded by itself."""
        elements = list(self.prefix)
        system = prompt.system or self.default_system
        opening = fill(self.system, system) if system else []
        inside = ""
        if self.system_inside_user:
            inside = str(opening[0]) if opening else ""
        else:
            elements += opening
        for turn, (question, answer) in enumerate((*prompt.history, (prompt.text, None))):
            elements += self.separator if turn else ()
            index = None if self.system_inside_user else turn
            elements += fill(self.user, inside + question, index)
            inside = ""
            if answer is not None:
                elements += fill(self.assistant, answer)
        return elements


def fill(slots: Slots, content: str, turn: int | None = None) -> list[Element]:
    """Puts content into slots as the hosts do: the first `{{content}}`, then the first `{{idx}}`.

    Example:
        >>> fill(("[{{idx}}] {{content}}",), "Hi", 0)
        ['[0] Hi']
    """
    filled: list[Element] = []
    for slot in slots:
        if isinstance(slot, str):
            slot = slot.replace("{{content}}", content, 1)
            if turn is not None:
                slot = slot.replace("{{idx}}", str(turn), 1)
        filled.append(slot)
    return filled


def load_template(name: str, path: str | Path | None = None) -> Template:
    """Reads one template of a templates.json.

    Args:
        name: the `prompt_type`.
        path: the JSON file; the shipped one where None.

    Raises:
        InputError: no such file or name, or an entry that is not a template.
    """
    file = resolve_config(str(path or SHIPPED_TEMPLATES), "")
    entries = read_entries(file)
    if name not in entries:
        raise InputError(
            f"unknown prompt type {name!r}",
            found=f"{len(entries)} templates in {file.name}",
            remedy=nearest(name, entries) + "; --prompt-type-path reads another file",
        )
    template = parse_template(entries[name], str(file))
    if not name.startswith(variants.NAME):
        return template
    shipped = read_entries(resolve_config(SHIPPED_TEMPLATES, ""))
    known = {other: parse_template(shipped[other]).user for other in variants.VARIANTS}
    return replace(template, remarks=variants.variant_remarks(name, template.user, known))


def read_entries(file: Path) -> dict[str, Mapping[str, Any]]:
    """The entries of a templates.json by name; of two with one name the last, as in the hosts."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not readable JSON", found=str(error)) from error
    if not isinstance(entries, list) or not all(
        isinstance(entry, Mapping) and isinstance(entry.get("name"), str) for entry in entries
    ):
        raise InputError(
            f"{file} is not a list of templates",
            expected='[{"name": "...", "format_user": {"slots": [...]}}, ...]',
        )
    return {entry["name"]: entry for entry in entries}


def parse_template(entry: Mapping[str, Any], source: str = "templates.json") -> Template:
    """Builds a template from its JSON entry; `source` names the file in errors."""
    name = entry["name"]
    place = f"template {name!r} of {source}"
    if entry.get("template_class") not in (None, "", *PLAIN_CLASSES):
        raise InputError(
            f"{place} needs the host's class {entry['template_class']}",
            expected="a template without template_class",
            remedy="choose another prompt type",
        )
    stop_words = tuple(entry.get("stop_words") or ())
    if entry.get("replace_eos") and not stop_words:
        raise InputError(f"{place} has replace_eos without stop_words")
    system = entry.get("default_system") or ""
    ending: Slots = () if entry.get("efficient_eos") else (SpecialToken("eos"),)
    content: Slots = ("{{content}}",)
    return Template(
        name=name,
        user=_text_slots(entry, "format_user", place, content),
        assistant=_text_slots(entry, "format_assistant", place, content + ending),
        system=_text_slots(entry, "format_system", place, content),
        separator=_fixed_slots(entry, "format_separator", place),
        prefix=_fixed_slots(entry, "format_prefix", place),
        default_system="".join(system) if isinstance(system, list) else system,
        stop_words=stop_words,
        replace_eos=bool(entry.get("replace_eos")),
        system_inside_user=name.startswith("llama2")
        or entry.get("template_class") == SYSTEM_INSIDE_USER,
    )


def _text_slots(entry: Mapping[str, Any], key: str, place: str, default: Slots) -> Slots:
    slots = _slots(entry, key, place)
    if slots is None:
        return default
    if not any(isinstance(slot, str) and _PLACEHOLDER.search(slot) for slot in slots):
        raise InputError(f"{place}: {key} has no {{{{content}}}}", found=repr(slots))
    return slots


def _fixed_slots(entry: Mapping[str, Any], key: str, place: str) -> Slots:
    slots = _slots(entry, key, place) or ()
    if any(isinstance(slot, str) and _PLACEHOLDER.search(slot) for slot in slots):
        raise InputError(f"{place}: {key} must not have a placeholder", found=repr(slots))
    return slots


def _slots(entry: Mapping[str, Any], key: str, place: str) -> Slots | None:
    table = entry.get(key)
    if not table:
        return None
    slots = table.get("slots") if isinstance(table, Mapping) else None
    if not isinstance(slots, Sequence) or isinstance(slots, str):
        raise InputError(f"{place}: {key} has no list of slots", found=repr(table))
    return tuple(_element(slot, f"{place}: {key}") for slot in slots)


def _element(slot: Any, place: str) -> Element:
    if isinstance(slot, str):
        return slot
    if isinstance(slot, Mapping) and isinstance(slot.get("token"), str):
        return Token(slot["token"])
    if isinstance(slot, list) and "bos_token" in slot:
        return SpecialToken("bos")
    if isinstance(slot, list) and "eos_token" in slot:
        return SpecialToken("eos")
    raise InputError(
        f"{place} has an unknown slot",
        found=repr(slot),
        expected='text, {"token": "..."}, ["bos_token"] or ["eos_token"]',
    )
