"""The checkouts that the conformance suite looks for."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.hosts.catalog import load_adapters
from reference._markdown import markdown_table

# The lines that the suite runs; those of verl have tests of their own.
MINDSPEED = ("mindspeed_llm", "mindspeed_rl")
HEAD = (
    Text("folder", "目录"),
    Text("repository", "仓库"),
    Text("what to check out", "检出"),
    Text("beside it", "同时需要"),
)


def render(language: Language, argument: str) -> str:
    """The table: hosts first, then what they stand on."""
    hosts = {
        one.checkouts[0]: one.checkouts[1:] for one in load_adapters() if one.package in MINDSPEED
    }
    bases = sorted({base for beside in hosts.values() for base in beside} - set(hosts))
    rows = [
        (f"`{one.folder}`", one.url, f"{one.kind} `{one.ref}`",
         ", ".join(f"`{base.folder}`" for base in beside))
        for one, beside in [*hosts.items(), *((base, ()) for base in bases)]
    ]  # fmt: skip
    return markdown_table(HEAD, rows, language)
