"""Template by template our handler's tokens are those of the host's own prompt-only handler."""

from __future__ import annotations

import json

import pytest

SYSTEMS = ["", "Be brief.", "请简短。"]


@pytest.fixture(scope="session")
def rows_with_systems(rows_file):
    """The rows, some with a system prompt of their own."""
    rows = [json.loads(line) for line in rows_file.read_text().splitlines()]
    rows = [{**row, "sys": SYSTEMS[n % 3]} for n, row in enumerate(rows)]
    file = rows_file.with_name("systems.jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_tokens_are_the_hosts(line, check, rows_with_systems, tokenizer_dir, repo_root):
    checkout = line.paths()[0]
    own = checkout / ("configs/model" if line.is_rl else "configs/finetune") / "templates.json"
    job = {
        "rl": line.is_rl, "checkout": checkout, "rows": rows_with_systems,
        "tokenizer": tokenizer_dir, "map_keys": {
            "prompt": "question", "query": "", "response": "answer", "system": "sys"},
        "templates": {"ours": repo_root / "configs" / "templates.json", "theirs": own},
    }  # fmt: skip
    found = check(line, "templates", job)
    shipped = json.loads((repo_root / "configs" / "templates.json").read_text())
    assert {f"ours {template['name']}" for template in shipped} <= set(found)
    compared = {name: made for name, made in found.items() if "Error" not in made[1]}
    # What we do not read is refused by name (reasoning classes), never packed in another way.
    refused = {name for name in found if name not in compared}
    assert not [name for name in refused if name.startswith("ours ")], {
        n: found[n] for n in refused
    }
    assert {"theirs qwen", "theirs qwen_r1", "theirs qwen_math_r1"} <= set(compared)
    assert {name for name, (theirs, ours) in compared.items() if theirs != ours} == set()
