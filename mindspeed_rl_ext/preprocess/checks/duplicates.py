"""Which prompts are the same: duplicates, and the choice of held-out rows.

Covers: one digest for everything that becomes prompt tokens; `Seen` finds duplicates and those
whose answer differs; `is_held_out` sends a prompt to one side by its digest alone, so that the same
prompt is never on both, and shards agree without talking to each other.
Does not cover: prompts that are nearly the same.

Example:
    >>> digest_of(Prompt("1 + 1 = ?")) == digest_of(Prompt("1 + 1 = ?", system="Be brief."))
    False
"""

from __future__ import annotations

from hashlib import blake2b
from zlib import crc32

from mindspeed_rl_ext.preprocess.record import Prompt, Reason, Record, RejectError

DIGEST_BYTES = 16


def digest_of(prompt: Prompt) -> bytes:
    """A digest of all texts of a prompt; texts are told apart by their lengths."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for text in prompt.texts():
        encoded = text.encode("utf-8")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


class Seen:
    """The prompts so far; about 150 bytes per prompt."""

    def __init__(self) -> None:
        self._answers: dict[bytes, int] = {}

    def check(self, record: Record) -> None:
        """Raises RejectError where the prompt came before; remembers it otherwise."""
        digest, answer = digest_of(record.prompt), crc32((record.label or "").encode("utf-8"))
        first = self._answers.get(digest)
        if first is None:
            self._answers[digest] = answer
        elif first == answer:
            raise RejectError(Reason.DUPLICATE, "the same prompt and answer came before")
        else:
            raise RejectError(
                Reason.DUPLICATE_OTHER_ANSWER, "the same prompt came before with another answer"
            )


def is_held_out(digest: bytes, fraction: float, seed: int) -> bool:
    """Whether a prompt belongs to the held-out rows.

    Args:
        digest: of the prompt.
        fraction: of prompts to hold out, between 0 and 1.
        seed: another seed chooses other prompts.
    """
    key = seed.to_bytes(16, "little", signed=True)
    number = int.from_bytes(blake2b(digest, digest_size=8, key=key).digest(), "little")
    return number < fraction * 2**64
