"""What of a run is embedded in the page as JSON, and how it is kept from being anything else.

Covers: rollouts within a budget of characters, escaping for a `<script>` element.
Does not cover: which rollouts are sampled; `sources.rollouts` does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from mindspeed_rl_ext.core.responses.rollouts import Rollout
from mindspeed_rl_ext.report.page.axes import number_text
from mindspeed_rl_ext.report.page.words import Words
from mindspeed_rl_ext.report.sources.rollouts import class_of

MAX_TEXT_CHARS = 4_000
MAX_REASON_CHARS = 400
MAX_ALL_CHARS = 4_000_000

# Inside a script element only "</script" and "<!--" mean anything; no "<" leaves nothing to mean.
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def script_json(value: Any) -> str:
    """JSON that can stand in a script element, whatever its strings hold.

    Example:
        >>> script_json(["</script><!-- & é"])
        '["\\\\u003c/script\\\\u003e\\\\u003c!-- \\\\u0026 é"]'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char, escaped in _ESCAPES.items():
        text = text.replace(char, escaped)
    return clean(text)


def clean(text: str) -> str:
    """Text that UTF-8 can hold: half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def embedded_rollouts(sample: Sequence[Rollout], words: Words) -> dict[str, Any]:
    """The rollouts for the page's browser.

    Args:
        sample: in order of steps.
        words: for the mark of a cut text.

    Returns:
        `prompts`, each once, and `rows`; fewer rows where their text is more than the page takes.
    """
    prompts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    size = 0
    # A stride that is known beforehand keeps rows of all steps where not all fit.
    total = sum(min(len(r.response), MAX_TEXT_CHARS) + 200 for r in sample)
    stride = max(1, -(-total // MAX_ALL_CHARS))
    for rollout in sample[::stride]:
        row, text_chars = _row(rollout, prompts, words)
        size += text_chars
        if size > 2 * MAX_ALL_CHARS:
            break
        rows.append(row)
    return {"prompts": list(prompts), "rows": rows}


def _row(rollout: Rollout, prompts: dict[str, int], words: Words) -> tuple[dict[str, Any], int]:
    prompt, chars = None, 0
    if rollout.prompt is not None:
        text = _cut(str(rollout.prompt), words)
        if text not in prompts:
            chars += len(text)
        prompt = prompts.setdefault(text, len(prompts))
    response = _cut(rollout.response, words)
    row = {
        "step": rollout.step,
        "id": rollout.id,
        "prompt": prompt,
        "response": response,
        "answer": _cut(rollout.answer, words),
        "reward": _number(rollout.reward),
        "tokens": rollout.num_tokens,
        "class": class_of(rollout),
        "verdicts": [
            [name, verdict.outcome, _number(verdict.score), verdict.reason[:MAX_REASON_CHARS]]
            for name, verdict in rollout.verdicts.items()
        ],
    }
    return row, chars + len(response)


def _cut(text: str, words: Words) -> str:
    hidden = len(text) - MAX_TEXT_CHARS
    if hidden <= 0:
        return text
    return text[:MAX_TEXT_CHARS] + "\n" + words("more_chars", number=hidden)


def _number(value: Any) -> str | None:
    if not isinstance(value, (int, float)):
        return None
    return number_text(float(value)) if math.isfinite(value) else str(float(value))
