"""What prompts ask a model to write, from the name of the data or what made them.

Covers: well-known data sets by name in a path; the prompt type in our report beside packed files,
or in a dataset YAML that is checked together. Does not cover: reading rows; `--data` does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.doctor.document import Document
from mindspeed_rl_ext.doctor.verifier_table import ASKED_BY_PROMPT_TYPE, BOX, LINE, TAGS


@dataclass(frozen=True)
class DataHint:
    """What is known of the data.

    Args:
        name: the data set, "" where it is not known.
        asks: what its prompts ask for; None where that is not known.
        source: what said so, for messages.
        prompt_type: the template, "" where it is not known.
    """

    name: str = ""
    asks: frozenset[str] | None = None
    source: str = ""
    prompt_type: str = ""


# Data sets whose rows, or the recipe that everybody uses, say what to write.
KNOWN = (
    ("DeepScaleR", re.compile(r"deep[-_]?scale?r", re.I), frozenset({TAGS, BOX})),
    ("DAPO-Math-17k", re.compile(r"math[-_]?17k|(?<![a-z])dapo(?![a-z])", re.I), frozenset({LINE})),
    ("Countdown", re.compile(r"countdown", re.I), frozenset({TAGS})),
    ("GSM8K", re.compile(r"gsm8k", re.I), None),
    ("MATH-8K", re.compile(r"math[-_]?8k|pe-nlp|math_level3to5", re.I), None),
)


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


def hint(data_path: str, datasets: Iterable[Document] = ()) -> DataHint:
    """What the data of a path ask for.

    Args:
        data_path: the training configuration's.
        datasets: dataset YAMLs that are checked together.
    """
    made_by = next((document for document in datasets if makes(document, data_path)), None)
    if made_by is not None:
        return hint_of_recipe(made_by, {}, data_path)
    template, source = _of_report(data_path)
    return _known(template, source, data_path)


def hint_of_recipe(document: Document, options: Mapping[str, Any], data_path: str = "") -> DataHint:
    """What the data that a dataset YAML makes ask for.

    Args:
        document: the dataset YAML.
        options: keys that go over it.
        data_path: where it puts them, "" where that is not known.
    """
    template, source = (
        str(options.get(key) or document.value.get(key) or "") for key in ("prompt_type", "input")
    )
    return _known(template, f"{document.path} (prompt type {template})", source, data_path)


def _known(template: str, said_by: str, *paths: str) -> DataHint:
    """Joins what a template and the names of files tell; the first path that tells wins."""
    name, by_name = next(
        ((n, asks) for path in paths for n, rule, asks in KNOWN if rule.search(path)), ("", None)
    )
    if template in ASKED_BY_PROMPT_TYPE:
        return DataHint(name, ASKED_BY_PROMPT_TYPE[template], said_by, template)
    return DataHint(name, by_name, name, template)


def _of_report(data_path: str) -> tuple[str, str]:
    report = Path(f"{data_path}_report.json")
    try:
        template = str(json.loads(report.read_text("utf-8"))["template"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
    return template, f"{report} (prompt type {template})"
