"""R9, R15 and what belongs to rewards: names, weights, labels, data, models that cannot be paid.

Covers: both hosts; our verifiers with parameters, plugins of a user's own.
Does not cover: the rows of the data; `--data` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import ExtError, nearest
from mindspeed_rl_ext.doctor.data_hints import DataHint
from mindspeed_rl_ext.doctor.finding import Finding, Place
from mindspeed_rl_ext.doctor.layers import Layers
from mindspeed_rl_ext.doctor.verifier_table import OURS_READ, READS, TAGS, HostVerifier
from mindspeed_rl_ext.verifiers import parse_spec, registry_names
from mindspeed_rl_ext.verifiers.api import resolve

# Columns that the adapters pass without their being loaded from the data.
FREE_COLUMNS = ("answer", "prompt", "num_tokens")
BELONGS = {"math_17k_acc": "DAPO-Math-17k", "math_17k": "DAPO-Math-17k", "countdown": "Countdown"}
BASE_MATH = re.compile(r"Qwen2\.?5[-_]Math[-_][\d.]+B(?!.*Instruct)", re.I)
INSTRUCT = re.compile(r"instruct", re.I)
_INSTRUCT_MATH = re.compile(r"Math.*Instruct", re.I)


@dataclass(frozen=True)
class Scoring:
    """How a run is paid.

    Args:
        verifiers: the part with verifier_function and verifier_weight.
        role: the part with the data, the tokenizer and dataset_additional_keys.
        host: the host's own verifiers.
        data: what is known of the data.
        multimodal: whether rows have pictures.
        model: the directory that a user names beside the files.
    """

    verifiers: Layers
    role: Layers
    host: Mapping[str, HostVerifier]
    data: DataHint
    multimodal: bool = False
    model: Path | None = None

    @property
    def names(self) -> list[str]:
        """verifier_function as it is written."""
        return self.verifiers.names("verifier_function")


def names_and_weights(scoring: Scoring) -> Iterator[Finding]:
    """Every name is known, and has one weight."""
    place, names = scoring.verifiers.place("verifier_function"), scoring.names
    if any(map(scoring.verifiers.is_open, ("verifier_function", "verifier_weight"))):
        return
    if not names:
        yield Finding("R9-none", place)
    weights = scoring.verifiers.get("verifier_weight") or []
    if len(names) != len(weights):
        at = scoring.verifiers.place("verifier_weight")
        yield Finding("R9-weights", at, {"names": len(names), "weights": len(weights)})
    ours = []
    for name in names:
        if name in scoring.host:
            row = scoring.host[name]
            values = {"name": name, "does": row.does, "does_zh": row.does_zh, "ours": row.ours}
            yield Finding("V-replace", place, values)
            continue
        problem = _problem(name, scoring.host)
        if problem:
            yield Finding(problem[0], place, {"name": name, **problem[1]})
        else:
            ours.append(name)
    if ours:
        yield Finding("V-ours", place, {"names": ", ".join(ours)})


def _problem(spec: str, host: Mapping[str, HostVerifier]) -> tuple[str, dict[str, str]] | None:
    try:
        resolve(spec)
    except ExtError as error:
        said = f"{error.what}; {error.found or error.expected}".strip("; ")
        try:
            bare = parse_spec(spec).name
        except ExtError:
            return "R9-spec", {"why": said}
        known = registry_names()
        if bare in known:
            return "R9-spec", {"why": said}
        return "R9-unknown", {"nearest": nearest(bare, {*host, *known})}
    return None


def labels(scoring: Scoring) -> Iterator[Finding]:
    """R15: the reference answer, and what else a verifier needs, is loaded."""
    keys = scoring.role.names("dataset_additional_keys")
    place = scoring.role.place("dataset_additional_keys")
    if "labels" not in keys and not scoring.role.is_open("dataset_additional_keys"):
        yield Finding("R15", place)
    for name in scoring.names:
        if name in scoring.host or _problem(name, scoring.host):
            continue
        for need in resolve(name).needs:
            if need not in (*FREE_COLUMNS, *keys):
                yield Finding("R15-key", place, {"name": name, "need": need})


def multimodal(scoring: Scoring) -> Iterator[Finding]:
    """Rows with pictures are scored elsewhere."""
    if not scoring.multimodal:
        return
    place = scoring.verifiers.place("is_multimodal")
    ours = [name for name in scoring.names if name not in scoring.host]
    if ours:
        yield Finding("R9-multimodal-ours", place, {"name": ours[0]})
    else:
        yield Finding("R9-multimodal", place)


def reads_what_is_asked(scoring: Scoring) -> Iterator[Finding]:
    """S0-19 and R9: a verifier finds what the prompts ask for, and belongs to the data."""
    place = scoring.verifiers.place("verifier_function")
    yield from against_data(scoring.names, place, scoring.host, scoring.data)


def against_data(
    names: Sequence[str], place: Place, host: Mapping[str, HostVerifier], data: DataHint
) -> Iterator[Finding]:
    """What verifiers look for beside what the data ask for.

    Args:
        names: the verifiers.
        place: where they are written.
        host: the host's own.
        data: what is known of the data.
    """
    for name in names:
        bare = bare_name(name)
        missing = _reads(bare, host) - (data.asks if data.asks is not None else _ALL)
        if missing == {TAGS} and data.prompt_type == "qwen_math_r1":
            yield Finding("S0-19", place, {"name": name, "prompt_type": data.prompt_type})
        elif missing:
            values = {"name": name, "source": data.source or data.name}
            values |= {"missing": _spelled(missing, 0), "missing_zh": _spelled(missing, 1)}
            yield Finding("R9-reads", place, {**values, **_advice(data.asks or frozenset())})
        elif bare in BELONGS and data.name and data.name != BELONGS[bare]:
            values = {"name": name, "belongs": BELONGS[bare], "data": data.name}
            yield Finding("R9-other-data", place, {**values, **_advice(data.asks or frozenset())})


_ALL = frozenset(READS)


def bare_name(spec: str) -> str:
    """A verifier's name without its parameters."""
    return spec.split("(")[0].strip()


def _reads(bare: str, host: Mapping[str, HostVerifier]) -> frozenset[str]:
    return host[bare].reads if bare in host else OURS_READ.get(bare, frozenset())


def _spelled(parts: frozenset[str], language: int) -> str:
    return (" and ", "和")[language].join(READS[part][language] for part in sorted(parts))


def _advice(asks: frozenset[str]) -> dict[str, str]:
    fitting = [name for name, reads in OURS_READ.items() if reads <= asks] or ["boxed_acc"]
    said = ", ".join(fitting)
    return {
        "advice": f"take one that reads what is asked for: {said}; or change the data",
        "advice_zh": f"换成读得到的 verifier：{said}；或更换数据",
    }


def models_that_cannot_be_paid(scoring: Scoring) -> Iterator[Finding]:
    """S4-2, S0-5: what the notes found out about Qwen2.5-Math."""
    tagged = [n for n in scoring.names if TAGS in _reads(bare_name(n), scoring.host)]
    boxed = any(bare_name(n) == "simplerl" for n in scoring.names)
    for model, place in _models(scoring):
        name = name_of_model(model)
        if BASE_MATH.search(model) and tagged:
            yield Finding("S4-2", place, {"model": model, "name": tagged[0]})
        if boxed and (INSTRUCT.search(name) or _INSTRUCT_MATH.search(model)):
            yield Finding("S0-5", place, {"model": model})


def _models(scoring: Scoring) -> Iterator[tuple[str, Place]]:
    """The model that the files name, and the one that a user names beside them."""
    key = "tokenizer_name_or_path"
    written = str(scoring.role.get(key) or "")
    if written:
        yield written, scoring.role.place(key)
    if scoring.model is not None and name_of_model(str(scoring.model)) != name_of_model(written):
        yield str(scoring.model), scoring.verifiers.place("verifier_function")


def name_of_model(path: str) -> str:
    """The part of a path that is a model's name.

    Example:
        >>> name_of_model("./models/Qwen2.5-Math-7B/")
        'Qwen2.5-Math-7B'
        >>> name_of_model("hub/models--Qwen--Qwen2.5-3B/snapshots/3aab1f")
        'models--Qwen--Qwen2.5-3B'
    """
    if not path:
        return ""
    parts = Path(path).parts
    if not parts or parts[-1] == "..":
        parts = Path(path).resolve().parts
    return parts[-3] if len(parts) > 2 and parts[-2] == "snapshots" else parts[-1]


RULES = (
    names_and_weights,
    labels,
    multimodal,
    reads_what_is_asked,
    models_that_cannot_be_paid,
)
