"""A verifier of a third party, found by its entry point: it needs every column that there is."""

from mindspeed_rl_ext import verifier


@verifier("conformance_probe", needs=("answer", "prompt", "num_tokens", "source"))
def conformance_probe(response: str, *, answer: str, prompt: str, num_tokens: int, source: str):
    """The length in tokens where the columns are of one row; -1 where they are not."""
    number = int(prompt.split("Tom has ")[1].split(" ")[0])
    fits = int(answer) == number + number**2 and (source == "grade-school") == (number % 2 == 1)
    return float(num_tokens) if fits else -1.0
