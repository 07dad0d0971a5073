"""The model card of a policy that a recipe trained.

Covers: what it was trained from, by which recipe, with which verifiers and settings, and how to
report on the run; the metadata that a model hub reads.
Does not cover: licences: that of the base model holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.version import __version__


def model_card(recipe: Recipe, stage: str, start: Path, trl: Mapping[str, Any]) -> str:
    """The card as Markdown.

    Args:
        recipe: what was trained.
        stage: the stage that wrote the policy.
        start: the policy that the stage started from.
        trl: the settings of the stage, as the recipe gives them.

    Example:
        >>> from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
        >>> card = model_card(load_recipe("countdown"), "grpo", Path("sft"), {"max_steps": 8})
        >>> "fine-tuned from `tiny`" in card
        True
    """
    verifiers = ", ".join(
        f"`{name}` (weight {weight:g})"
        for name, weight in zip(recipe.verifiers, recipe.weights, strict=True)
    )
    settings = json.dumps(dict(trl), indent=2, ensure_ascii=False)
    return f"""---
library_name: transformers
tags: [mindspeed-rl-ext, {stage}]
---

# {recipe.name}: {stage}

{recipe.summary or "A policy that mindspeed-rl-ext trained."}

- fine-tuned from `{recipe.model}`; the stage `{stage}` started from `{start}`
- verifiers: {verifiers or "none"}
- seed {recipe.seed}, {recipe.dtype}
- made by mindspeed-rl-ext {__version__}; `msrl-ext report` on the folder above shows the run

```json
{settings}
```
"""
