"""What prompts ask a model to write, from the name of the data or what made them.

Covers: well-known data sets by name in a path; the prompt type in our report beside packed files,
or in a dataset YAML that is checked together. Does not cover: reading rows; `--data` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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


def hint(data_path: str, datasets: Iterable[Document] = ()) -> DataHint:
    """What the data of a path ask for.

    Args:
        data_path: the training configuration's.
        datasets: dataset YAMLs that are checked together.
    """
    name, by_name = next(
        ((n, asks) for n, rule, asks in KNOWN if rule.search(data_path)), ("", None)
    )
    template, source = _template(data_path, datasets)
    if template in ASKED_BY_PROMPT_TYPE:
        return DataHint(name, ASKED_BY_PROMPT_TYPE[template], source, template)
    return DataHint(name, by_name, name, template)


def _template(data_path: str, datasets: Iterable[Document]) -> tuple[str, str]:
    for document in datasets:
        if str(document.value.get("output_prefix", "")) == data_path:
            template = str(document.value.get("prompt_type") or "")
            return template, f"{document.path} (prompt type {template})"
    report = Path(f"{data_path}_report.json")
    try:
        template = str(json.loads(report.read_text("utf-8"))["template"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
    return template, f"{report} (prompt type {template})"
