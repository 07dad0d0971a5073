"""What prompts ask a model to write, from the template, the data set's name or what made the data.

Covers: templates, whose text says it; well-known data sets by name in a path; the prompt type in
our report beside packed files, or in a dataset YAML that is checked together.
Does not cover: reading rows; `--data` does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.yaml_file import Document
from mindspeed_rl_ext.core.responses.response_parts import (
    ANSWER_LINE,
    ANSWER_TAG,
    BOX,
    HASH_LINE,
    THINK_TAG,
)

# What in the text of a prompt asks for a part of a response.
_ASKS = (
    (BOX, re.compile(r"\\boxed")),
    (THINK_TAG, re.compile(r"<think>")),
    (ANSWER_TAG, re.compile(r"<answer>")),
    (ANSWER_LINE, re.compile(r"Answer:\s*\$?Answer|form Answer:|line[^.]{0,40}Answer:")),
    (HASH_LINE, re.compile(r"####")),
)


@dataclass(frozen=True)
class DataHint:
    """What is known of the data.

    Args:
        name: the data set, "" where it is not known.
        asks: what its prompts ask for; None where that is not known.
        source: what tells so, for messages.
    """

    name: str = ""
    asks: frozenset[str] | None = None
    source: str = ""


# Data sets whose rows, or the recipe that everybody uses, say what to write.
KNOWN = (
    (
        "DeepScaleR",
        re.compile(r"deep[-_]?scale?r", re.I),
        frozenset({THINK_TAG, ANSWER_TAG, BOX}),
    ),
    (
        "DAPO-Math-17k",
        re.compile(r"math[-_]?17k|(?<![a-z])dapo(?![a-z])", re.I),
        frozenset({ANSWER_LINE}),
    ),
    ("Countdown", re.compile(r"countdown", re.I), frozenset({THINK_TAG, ANSWER_TAG})),
    ("GSM8K", re.compile(r"gsm8k", re.I), None),
    ("MATH-8K", re.compile(r"math[-_]?8k|pe-nlp|math_level3to5", re.I), None),
)


def parts_asked(text: str) -> frozenset[str]:
    r"""The parts of a response that the text of a prompt asks for.

    Example:
        >>> sorted(parts_asked(r"Reason in <think> </think>, then write \boxed{}."))
        ['box', 'think_tag']
    """
    return frozenset(part for part, mark in _ASKS if mark.search(text))


def asked_by_template(prompt_type: str, path: str = "") -> frozenset[str] | None:
    """What a template asks for; None where it asks for nothing, or is not ours to read.

    Args:
        prompt_type: its name.
        path: the templates.json that holds it; the shipped one where empty.
    """
    from mindspeed_rl_ext.preprocess.templates.template import load_template

    try:
        template = load_template(prompt_type, path or None)
    except (InputError, OSError):
        return None  # a host's own, or a file on another machine
    slots = (*template.prefix, *template.system, *template.user)
    text = "".join(slot for slot in slots if isinstance(slot, str))
    return parts_asked(template.default_system + text) or None


def makes(document: Document, data_path: object) -> bool:
    """Whether a dataset YAML makes the data that a run reads.

    Args:
        document: the dataset YAML.
        data_path: the run's: a prefix, or several with their weights.
    """
    prefix = document.value.get("output_prefix")
    if not isinstance(prefix, str) or not isinstance(data_path, str):
        return False
    return os.path.normpath(prefix) in map(os.path.normpath, [data_path, *data_path.split()])


def hint(
    data_path: str, datasets: Iterable[Document] = (), *, packed: str = "", prompt_type: str = ""
) -> DataHint:
    """What the data of a path ask for.

    Args:
        data_path: the training configuration's.
        datasets: dataset YAMLs that are checked together.
        packed: prefix of packed files that a user names; they are taken for those of the path.
        prompt_type: the run's own; the last that counts.
    """
    made_by = next((document for document in datasets if makes(document, data_path)), None)
    if made_by is not None:
        return hint_of_recipe(made_by, {}, data_path)
    for prefix in filter(None, (data_path, packed)):
        report = Path(f"{prefix}_report.json")
        try:
            template = str(json.loads(report.read_text("utf-8"))["template"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return _known(template, "", str(report), data_path, packed)
    return _known(prompt_type, "", "the configuration", data_path, packed)


def hint_of_recipe(document: Document, options: Mapping[str, Any], data_path: str = "") -> DataHint:
    """What the data that a dataset YAML makes ask for.

    Args:
        document: the dataset YAML.
        options: keys that go over it.
        data_path: where it puts them, "" where that is not known.
    """
    template, path, source = (
        str(options.get(key) or document.value.get(key) or "")
        for key in ("prompt_type", "prompt_type_path", "input")
    )
    return _known(template, path, str(document.path), source, data_path)


def _known(template: str, template_path: str, source: str, *paths: str) -> DataHint:
    """Joins what a template and the names of files tell; the first path that tells wins."""
    name, by_name = next(
        ((n, asks) for path in paths for n, rule, asks in KNOWN if rule.search(path)), ("", None)
    )
    asked = asked_by_template(template, template_path) if template else None
    if asked is not None:
        return DataHint(name, asked, f"{source} (prompt type {template})")
    return DataHint(name, by_name, name)
