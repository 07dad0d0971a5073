"""What each host's own installation guide pairs its line with."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.hosts.catalog import load_adapters
from reference._markdown import markdown_table

HOST = Text("host", "宿主")
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
    head = (HOST, version, *(Text(name, name) for name in COLUMNS[1:]))
    rows = ([one.name, *(text or "-" for text in one.versions)] for one in load_adapters())
    return markdown_table(head, rows, language)
