"""One host line: what is touched in it, what it runs with, what of it was run, where it is.

Covers: the types and the checkouts that several lines stand on. A host line is one file in
`lines/` that holds `ADAPTER`; LEDGER.md, the tables of the documentation and the lines of the
conformance suite are made of these files.
Does not cover: the points; `mindspeed_llm_points`, `mindspeed_rl_points` and `verl_points` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.hosts.point import Point

Evidence = Literal["run", "read"]
RUN: Evidence = "run"  # executed on a CPU beside the real host
READ: Evidence = "read"  # its source was read
# What of a host line may have been run.
FEATURES: Mapping[str, Text] = {
    "handler": Text("handler", "handler"),
    "verifiers": Text("verifiers", "打分器"),
    "workers": Text("Ray actor", "Ray actor"),
    "converter": Text("converter plugin", "转换插件"),
    "templates": Text("templates", "模板"),
    "configs": Text("our YAML", "我们的 YAML"),
}


class Checkout(NamedTuple):
    """A repository at one state.

    Args:
        folder: its name where conformance looks for it.
        url: where it is cloned from.
        ref: what is checked out.
        kind: what `ref` is.
    """

    folder: str
    url: str
    ref: str
    kind: Literal["branch", "tag", "commit"]


class Versions(NamedTuple):
    """What the host's own installation guide pairs with a line; "" where it names nothing."""

    host: str
    megatron: str = ""
    mindspeed: str = ""
    torch: str = ""
    torch_npu: str = ""
    cann: str = ""
    python: str = ""
    vllm_ascend: str = ""


@dataclass(frozen=True)
class Behaviour:
    """How a line differs from the others where its users or our tests notice.

    Args:
        metric_prefix: what it writes before `{name}_rewards/mean`.
        normalises: rewards are normalised in each group before they are handed on.
        filters_groups: it has `filter_groups_metric`, and `train_dapo.py`.
        reads_configs: folders under `configs/` whose files it reads.
        warns_of: keys of our files that it does not know and warns of.
    """

    metric_prefix: str = ""
    normalises: bool = False
    filters_groups: bool = False
    reads_configs: tuple[str, ...] = ()
    warns_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Adapter:
    """One host line.

    Args:
        name: the host and its version, for messages.
        package: the host's top-level package.
        points: what is touched.
        versions: what the host pairs it with.
        checkouts: the host and what it was run beside, in the order of PYTHONPATH.
        evidence: feature to whether it was run or read; a feature that the line does not have is
            left out.
        behaviour: how it differs.
        notes: what a feature that is left out is done by, by feature.
        page: its page under docs/LANGUAGE.
        files: files of the checkout by which the line is recognised, with `identity.file_mark`
            of each; `tests/hosts/conformance/marks.py` prints them.
    """

    name: str
    package: str
    points: tuple[Point, ...]
    versions: Versions
    checkouts: tuple[Checkout, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    behaviour: Behaviour = Behaviour()
    notes: Mapping[str, Text] = field(default_factory=dict)
    page: str = "hosts.md"
    files: Mapping[str, str] = field(default_factory=dict)

    def has(self, ledger_id: str) -> bool:
        """Whether a point with that ledger id is among its points."""
        return any(point.ledger.id == ledger_id for point in self.points)


_ASCEND = "https://gitcode.com/Ascend"
_MEGATRON = "https://github.com/NVIDIA/Megatron-LM"
MINDSPEED_LLM_URL = f"{_ASCEND}/MindSpeed-LLM"
MINDSPEED_RL_URL = f"{_ASCEND}/MindSpeed-RL"
VERL_URL = "https://github.com/verl-project/verl"
MEGATRON_08 = Checkout("megatron_08", _MEGATRON, "core_v0.8.0", "tag")
MEGATRON_012 = Checkout("megatron_012", _MEGATRON, "core_v0.12.1", "tag")


def mindspeed(folder: str, ref: str, kind: Literal["branch", "commit"] = "branch") -> Checkout:
    """A state of MindSpeed, which the hosts run on."""
    return Checkout(f"mindspeed_{folder}", f"{_ASCEND}/MindSpeed", ref, kind)
