"""What reads the commands of the pages: nothing that a reader could type is passed over."""

from __future__ import annotations

import doctest
import json

import pytest
from documented import commands, notebook, pages
from documented.commands import Command, commands_of
from documented.listing import commands_of_page
from documented.pages import Block, blocks_of, marks_of
from documented.plans import MARKED, NAMED, PRINT, RUN, plan_of


def plan(text: str, root, *, inline: bool = False, marks=None):
    block = Block("p.md", 1, "inline" if inline else "bash", text)
    (command,) = commands_of(block)
    return plan_of(command, marks or {}, root)


@pytest.mark.parametrize("module", [pages, commands, notebook], ids=lambda m: m.__name__)
def test_the_examples_of_the_docstrings_hold(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_a_shell_block_is_split_as_a_shell_splits_it():
    block = Block(
        "p.md", 5, "bash",
        "# a comment\nA=1 msrl-ext x --keys '{\"a\": 1}' \\\n    --y && pip freeze  # it's here\n\n"
        "msrl-ext z > out.sh\n",
    )  # fmt: skip
    found = [(one.line, one.words, one.variables) for one in commands_of(block)]
    assert found == [
        (6, ("msrl-ext", "x", "--keys", '{"a": 1}', "--y"), {"A": "1"}),
        (6, ("pip", "freeze"), {}),
        (9, ("msrl-ext", "z"), {}),
    ]


def test_a_file_that_a_block_writes_is_one_command_with_its_text(repo_root):
    text = (
        "msrl-ext a\ncat > run.sh <<'END'\npython -m x \\\n    y\nEND\nmsrl-ext b && msrl-ext c\n"
    )
    found = commands_of(Block("p.md", 1, "bash", text))
    assert [(one.line, one.words[-1]) for one in found] == [
        (1, "a"), (2, "run.sh"), (6, "b"), (6, "c"),
    ]  # fmt: skip
    assert found[1].body == "python -m x \\\n    y\n"
    assert plan_of(found[1], {}, repo_root).kind == RUN


def test_code_of_other_languages_and_generated_tables_have_no_commands():
    text = (
        "```python\nmsrl-ext x\n```\n<!-- table: a -->\n`msrl-ext gone`\n<!-- table end -->\n"
        "see `msrl-ext` and `ls -l`\n"
    )
    assert [one for block in blocks_of(text, "p.md") for one in commands_of(block)] == []


@pytest.mark.parametrize(
    "text",
    [
        "curl example.org",
        "pip install mindspeed-rl-ext",
        'pip install "mindspeed-rl-ext[verify]"',
        'pip install ".[no_such_extra]"',
        "python no_such_script.py",
        "bash scripts/no_such.sh",
        "msrl-ext convert ... --verify",
        "accelerate launch --config_file none.yaml -m mindspeed_rl_ext.cli train",
    ],
)
def test_what_nothing_runs_has_no_plan(text, repo_root):
    assert plan(text, repo_root) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("msrl-ext doctor", RUN),
        ("msrl-ext convert --load-dir a --save-dir b --dry-run", PRINT),
        ("msrl-ext train --config countdown --size real", PRINT),
        ("msrl-ext evaluate --backend vllm --model m", MARKED),
        ('pip install ".[verify,train]"', PRINT),
        ("pip list --format=freeze", NAMED),
        ("python -m verl.trainer.main_ppo data.seed=1 ...", PRINT),
    ],
)
def test_what_is_known_has_its_kind(text, kind, repo_root):
    assert plan(text, repo_root).kind == kind


def test_a_mention_is_no_command_and_a_command_in_a_sentence_is_one(repo_root):
    assert plan("msrl-ext score --input", repo_root, inline=True).kind == NAMED
    assert plan("msrl-ext doctor --config a", repo_root, inline=True).kind == RUN
    assert plan("msrl-ext recipe list", repo_root, inline=True).kind == RUN


def test_a_mark_gives_its_reason(repo_root, tmp_path):
    page = tmp_path / "p.md"
    page.write_text("<!-- marked: curl: no network -->\n```bash\ncurl example.org\n```\n")
    assert marks_of(page.read_text()) == {"curl": "no network"}
    (found,) = commands_of_page(page, tmp_path)
    assert isinstance(found.command, Command)
    assert (found.plan.kind, found.plan.note) == (MARKED, "no network")


def test_a_notebook_has_the_text_and_the_code_of_its_page(repo_root):
    page = (repo_root / "docs" / "en" / "tutorial.md").read_text(encoding="utf-8")
    cells = json.loads(notebook.notebook_of(page))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    shown = [block for block in blocks_of(page, "") if block.language in {"python", "bash"}]
    assert len(code) == len(shown) > 8
    assert sum(text.startswith("%%bash\n") for text in code) == sum(
        block.language == "bash" for block in shown
    )
    whole = "".join("".join(cell["source"]) for cell in cells)
    assert "## 6. Train" in whole
    assert "```" not in whole
    assert "<!--" not in whole
