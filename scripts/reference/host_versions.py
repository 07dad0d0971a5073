"""What each host's own installation guide pairs its line with, and whether we ran it on a CPU."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.hosts.adapter import READ, RUN, Adapter
from mindspeed_rl_ext.hosts.catalog import load_adapters
from reference._markdown import markdown_table
from reference.host_lines import WORDS

HOST = Text("host", "宿主")
HERE = Text("here", "本仓库")
# As they are called, in the order of `Versions`.
COLUMNS = (
    "version",
    "Megatron",
    "MindSpeed",
    "torch",
    "torch_npu",
    "CANN",
    "Python",
    "vllm-ascend",
)


def render(language: Language, argument: str) -> str:
    """The table."""
    version = Text("version", "版本")
    head = (HOST, version, *(Text(name, name) for name in COLUMNS[1:]), HERE)
    rows = (
        [one.name, *(text or "-" for text in one.versions), _here(one, language)]
        for one in load_adapters()
    )
    return markdown_table(head, rows, language)


def _here(one: Adapter, language: Language) -> str:
    """Run, where anything of the line was executed beside the real host; else read."""
    return WORDS[RUN if RUN in one.evidence.values() else READ].in_language(language)
