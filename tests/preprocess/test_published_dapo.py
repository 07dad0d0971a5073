"""DAPO-Math-17k as it is published becomes verl's Parquet: each problem once, no template again.

The published file has 1,791,700 rows of 17,917 problems, copies apart from each other, as Parquet
of several row groups. Nothing of it is copied here: problems are made.
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="extra [data] is not installed")
pytest.importorskip("transformers", reason="extra [data] is not installed")

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.preprocess.verl.reading import VerlFile

COUNT = 40
COPIES = 100
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BEFORE = (
    "Solve the following math problem step by step. The last line of your response should be of "
    "the form Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
)
AFTER = '\n\nRemember to put your answer on its own line after "Answer:".'


def problems(count: int) -> list[dict[str, Any]]:
    """Rows without their copies; answers are whole numbers as text, some below 0."""
    draw = random.Random(17)
    rows = []
    for number in range(count):
        first, second = draw.randint(2, 99), draw.randint(2, 99)
        question = (
            f"Let $f(x) = x^2 - {first}x + {second + number}$. Find $f({number})$, where "
            "$\\lfloor \\cdot \\rfloor$ and “the floor” mean the same."
        )
        value = number**2 - first * number + second + number
        rows.append(
            {
                "data_source": "math_dapo",
                "prompt": [{"content": f"{BEFORE}{question}{AFTER}", "role": "user"}],
                "ability": "MATH",
                "reward_model": {"ground_truth": str(value), "style": "rule-lighteval/MATH_v2"},
                "extra_info": {"index": str(uuid.UUID(int=draw.getrandbits(128), version=4))},
            }
        )
    return rows


def write(path: Path, count: int) -> list[dict[str, Any]]:
    """Writes the file; returns the rows without their copies."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = problems(count)
    copies = [row for row in rows for _ in range(COPIES)]
    random.Random(3).shuffle(copies)
    text = pa.string()
    message = pa.struct([("content", text), ("role", text)])
    schema = pa.schema(
        [
            ("data_source", text),
            ("prompt", pa.list_(message)),
            ("ability", text),
            ("reward_model", pa.struct([("ground_truth", text), ("style", text)])),
            ("extra_info", pa.struct([("index", text)])),
        ]
    )
    table = pa.Table.from_pylist(copies, schema)
    parquet.write_table(table, path, row_group_size=1000)
    return rows


@pytest.fixture(scope="module")
def made(tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The published rows, and the files that one command makes of them."""
    folder = tmp_path_factory.mktemp("dapo")
    rows = write(folder / "dapo-math-17k.parquet", COUNT)
    words = ["preprocess", "--config", "math_17k", "--format", "verl", "--split", "0.2"]
    shutil.copytree(tokenizer_dir, folder / "model")
    config = folder / "model" / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "chat_template": CHATML}))
    words += ["--tokenizer-name-or-path", str(folder / "model")]
    words += ["--input", str(folder / "dapo-math-17k.parquet")]
    assert cli.main([*words, "--output-prefix", str(folder / "prompts")]) == 0
    return folder, rows


def written(path: Path) -> list[dict[str, Any]]:
    file = VerlFile(path)
    return list(file.rows(0, len(file)))


def test_each_problem_stands_once_in_one_of_the_two_files(made: Any) -> None:
    folder, rows = made
    train, held = (written(folder / f"prompts{end}.parquet") for end in ("", "_heldout"))
    assert 0 < len(held) < len(train)
    expected = {row["prompt"][0]["content"]: row["reward_model"]["ground_truth"] for row in rows}
    found = [(row["prompt"][0]["content"], row["reward_model"]["ground_truth"]) for row in train]
    found += [(row["prompt"][0]["content"], row["reward_model"]["ground_truth"]) for row in held]
    assert len(found) == COUNT
    assert dict(found) == expected


def test_rows_are_copied_with_all_their_columns(made: Any) -> None:
    folder, rows = made
    by_prompt = {row["prompt"][0]["content"]: row for row in rows}
    for row in written(folder / "prompts.parquet"):
        before = by_prompt[row["prompt"][0]["content"]]
        assert row["prompt"] == before["prompt"]
        assert row["data_source"] == "math_dapo"
        assert row["ability"] == "MATH"
        assert row["reward_model"] == before["reward_model"]
        assert row["extra_info"]["index"] == before["extra_info"]["index"]


def test_the_report_counts_the_copies(made: Any) -> None:
    folder, _ = made
    report = json.loads((folder / "prompts_report.json").read_text("utf-8"))
    assert report["dropped"] == {"duplicate": COUNT * (COPIES - 1)}


@pytest.mark.parametrize("name", ["dapo-math-17k", "prompts"])
def test_the_doctor_has_nothing_against_it_before_or_after(
    made: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = made
    path = folder / f"{name}.parquet"
    run = f"data.train_files={path} reward.reward_manager.name=msrl_ext"
    run += " +reward.reward_kwargs.verifiers=[dapo] data.filter_overlong_prompts=True"
    cli.main(["doctor", "--data", str(path), "--verl", run, "--lang", "en"])
    shown = capsys.readouterr().out
    assert "chats and their references" in shown
    assert "error    " not in "\n".join(line for line in shown.splitlines() if "chat-" in line)
    assert "verl-reference-unread" not in shown
    assert "reward-prompt-asks-otherwise" not in shown
