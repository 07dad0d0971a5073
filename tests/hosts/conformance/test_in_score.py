"""The host reads our files, decodes them, and scores with our verifiers beside its own."""

from __future__ import annotations

import pytest

# Two samples of each of the first two rows, whose answers are 6 and 12.
RESPONSES = [
    "<think>\n2 + 4\n</think>\n<answer>\n\\boxed{6}\n</answer>",
    "It is 6, I think.",
    "So \\boxed{12}.",
    "So \\boxed{13}.",
]
SIMPLERL = [1.0, -1.0, 1.0, -0.5]
NAMES = ["strict_format", "simplerl", "conformance_probe"]
WEIGHTS = [1.0, 0.5, 0.001]


@pytest.fixture(scope="session")
def scored(check, prefix, tokenizer_dir):
    """What one host made of the batch; each host is asked once."""
    kept = {}

    def of(line):
        if not line.has_verifiers:
            pytest.skip("has no verifiers of its own")
        if line.name not in kept:
            job = {
                "prefix": prefix, "tokenizer": tokenizer_dir, "responses": RESPONSES,
                "names": NAMES, "weights": WEIGHTS, "host_names": NAMES[:1],
                # Both ways occur: a row a prompt, or one a response.
                "prompt_rows": ("each", "once")[line.number % 2],
            }  # fmt: skip
            kept[line.name] = check(line, "score_rl" if line.is_rl else "score_llm", job)
        return kept[line.name]

    return of


def normalised(scores):
    """As Feb 2025 to RL 2.1 do: each pair of samples less its mean, over its deviation."""
    pairs = zip(scores[::2], scores[1::2], strict=True)
    return [(one - other) / 2 / (abs(one - other) / 2**0.5 + 1e-6)
            for a, b in pairs for one, other in ((a, b), (b, a))]  # fmt: skip


def test_the_reader_gives_prompts_and_labels_back(line, scored):
    found = scored(line)
    assert found["labels"] == ["6", "6", "12", "12"]
    first, second = found["prompts"]
    assert "Tom has 2 apples and buys 4 more. How many has he — 总共 2?" in first
    assert "Tom has 3 apples" in second
    assert first.endswith("assistant\n")
    assert "####" not in first + second


def test_rewards_are_the_hosts_and_ours_together(line, scored):
    found = scored(line)
    assert len(set(found["alone"])) == 2, "the host's own verifier tells the responses apart"
    columns = zip(found["alone"], SIMPLERL, found["lengths"], strict=True)
    raw = [sum(s * w for s, w in zip(scores, WEIGHTS, strict=True)) for scores in columns]
    expected = normalised(raw) if line.behaviour.normalises else raw
    assert found["rewards"] == pytest.approx(expected, abs=1e-4)


def test_metrics_have_the_hosts_keys_and_every_column_arrived(line, scored):
    found = scored(line)
    start = line.behaviour.metric_prefix
    metrics = found["metrics"]
    scores_of = {name: metrics[f"{start}{name}_rewards/mean"] for name in NAMES}
    expected = dict(zip(NAMES, (found["alone"], SIMPLERL, found["lengths"]), strict=True))
    if line.is_rl:
        assert scores_of == expected
        assert metrics[f"{start}simplerl_outcome/CORRECT"] == [1.0, 0.0, 1.0, 0.0]
    else:
        means = {name: sum(scores) / len(scores) for name, scores in expected.items()}
        assert scores_of == pytest.approx(means)
        assert metrics[f"{start}simplerl_outcome/CORRECT"] == 0.5


def test_wrong_configurations_are_errors_and_not_zeros(line, scored):
    found = scored(line)
    assert "unknown verifier 'simpleRL'" in found["unknown"]
    assert "did you mean simplerl" in found["unknown"].lower()
    assert "2 names, 1 weights" in found["lengths_differ"]
    assert "source" in found["no_source"]
    assert "dataset_additional_keys" in found["no_source"]
    assert found["no_labels"] is not None


FAULTS = ("full", "read_only", "no_directory", "dead_mount", "stopped_neighbour")


def test_an_audit_that_cannot_be_written_costs_the_host_nothing(line, scored):
    audit = scored(line)["audit"]
    nothing_written = {"right": audit["batches"], "lost": audit["batches"], "child": 0, "rows": 0}
    assert {name: audit["faults"][name] for name in FAULTS} == dict.fromkeys(
        FAULTS, nothing_written
    )


def test_a_fork_while_the_audit_is_written_harms_neither_side(line, scored):
    audit = scored(line)["audit"]
    forked = audit["faults"]["fork"]
    assert (forked["right"], forked["child"]) == (audit["batches"], 0)
    # The child's batch too; what the parent could not queue in time is counted.
    assert forked["rows"] == (audit["batches"] + 1 - forked["lost"]) * len(RESPONSES)
