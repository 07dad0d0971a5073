r"""The verifiers of the host that is installed, as graders for `msrl-ext score --compare host`.

Covers: MindSpeed-RL's rules, those of MindSpeed-LLM's own training, verl's `default_compute_score`;
the first of them that is installed. `host:NAME` names a rule (`acc` where left out), for verl the
data source (the column `data_source`, else `lighteval/MATH`).
Does not cover: time limits: a host's verifiers run in this process, as it would run them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.core.responses.host_verifiers import RL_VERIFIERS
from mindspeed_rl_ext.hosts.mindspeed_llm_points import ALGORITHMS
from mindspeed_rl_ext.hosts.mindspeed_rl_points import RULES
from mindspeed_rl_ext.verifiers.audit.graders import Columns, Grader, graded
from mindspeed_rl_ext.verifiers.verdict import Verdict

HOST = "host"
DATA_SOURCE = "data_source"
_RULE = "acc"
_MATH = "lighteval/MATH"

# Gives the score of each response, given the host's module, the name behind `host:`, responses.
Score = Callable[[ModuleType, str, Sequence[str], Columns], list[Any]]


class HostGrader(NamedTuple):
    """The verifiers of one host.

    Args:
        package: what is installed with it.
        module: where its verifiers are.
        score: calls them.
    """

    package: str
    module: str
    score: Score


def host_grader(name: str = "") -> Grader:
    """The grader of the host that is installed.

    Args:
        name: what stands behind `host:`; a rule of the host, or a data source of verl.

    Raises:
        InputError: no host is installed, or its verifiers cannot be imported.
    """
    for host in HOSTS:
        if find_spec(host.package) is not None:
            return _grader(host, _imported(host), name)
    packages = ", ".join(host.package for host in HOSTS)
    raise InputError(
        "--compare host: no host is installed here",
        found=f"none of {packages}",
        expected="a host's environment",
        remedy="run it there, or compare with math-verify, a verifier or module:function",
    )


def _imported(host: HostGrader) -> ModuleType:
    try:
        return import_module(host.module)
    except ImportError as error:
        raise InputError(
            f"--compare host: {host.package} is installed, {host.module} cannot be imported",
            found=f"{type(error).__name__}: {error}"[:300],
            remedy="install what it needs, or compare with module:function",
        ) from error


def _grader(host: HostGrader, module: ModuleType, name: str) -> Grader:
    def grade(responses: Sequence[str], columns: Columns) -> list[Verdict]:
        texts = {**columns, "answer": [canonical_text(answer) for answer in columns["answer"]]}
        scores = host.score(module, name, responses, texts)
        return [graded(score, f"{host.package} {name}".strip()) for score in scores]

    return grade


def _rule(name: str) -> str:
    rule = name or _RULE
    if rule not in RL_VERIFIERS:
        raise InputError(
            f"--compare host:{rule}: the host has no such rule",
            expected=", ".join(RL_VERIFIERS),
            remedy="name one of these",
        )
    return rule


def _by_mindspeed_rl(
    module: ModuleType, name: str, responses: Sequence[str], columns: Columns
) -> list[Any]:
    rule = _rule(name)
    config = SimpleNamespace(verifier_function=[rule], verifier_weight=[1.0])
    scores, metrics = module.verifier(list(responses), {"labels": columns["answer"]}, config)
    return _checked(scores, metrics, rule)


def _by_mindspeed_llm(
    module: ModuleType, name: str, responses: Sequence[str], columns: Columns
) -> list[Any]:
    rule = _rule(name)
    settings = SimpleNamespace(verifier_function=[rule], verifier_weight=[1.0])
    metrics: dict[str, Any] = {}
    labels = columns["answer"]
    takes_labels = "labels" in inspect.signature(module.verifier).parameters
    data = labels if takes_labels else {"labels": labels}
    config = SimpleNamespace(algorithm=settings)
    return _checked(module.verifier(list(responses), data, config, metrics), metrics, rule)


def _checked(scores: Sequence[Any], metrics: Mapping[str, Any], rule: str) -> list[Any]:
    """A host skips a name that it does not know, and scores 0."""
    if not any(key.endswith(f"{rule}_rewards/mean") for key in metrics):
        raise InputError(
            f"--compare host:{rule}: the installed host gives no score for this rule",
            found=f"metrics {', '.join(sorted(metrics)) or 'none'}",
            remedy="name a rule that this host has",
        )
    return list(scores)


def _by_verl(
    module: ModuleType, name: str, responses: Sequence[str], columns: Columns
) -> list[Any]:
    answers = columns["answer"]
    sources = columns.get(DATA_SOURCE) or [None] * len(answers)
    return [
        _verl_score(module, name or str(source or _MATH), response, answer)
        for response, answer, source in zip(responses, answers, sources, strict=True)
    ]


def _verl_score(module: ModuleType, source: str, response: str, answer: str) -> Any:
    try:
        return module.default_compute_score(source, response, answer)
    except Exception as error:  # noqa: BLE001 - a host's rule may raise anything; it is shown
        return error


HOSTS: tuple[HostGrader, ...] = (
    HostGrader("mindspeed_rl", RULES, _by_mindspeed_rl),
    HostGrader("mindspeed_llm", ALGORITHMS, _by_mindspeed_llm),
    HostGrader("verl", "verl.utils.reward_score", _by_verl),
)
