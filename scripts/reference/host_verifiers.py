"""The hosts' own verifiers: what they score, and which of ours takes the place of which."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.core.responses.host_verifiers import RL_VERIFIERS
from reference._markdown import code, markdown_table

HEAD = (Text("the host's", "宿主的"), Text("scores", "打分"), Text("ours", "我们的"))


def render(language: Language, argument: str) -> str:
    """The table, of MindSpeed-RL's names; MindSpeed-LLM has some of them."""
    rows = (
        (code(name), row.does.in_language(language), row.ours) for name, row in RL_VERIFIERS.items()
    )
    return markdown_table(HEAD, rows, language)
