"""What a verifier must find in a response to pay, whoever wrote it.

Covers: ours and a user's own, by their declaration; the hosts', from a table.
Does not cover: verifiers that do not declare it: nothing is known of those.
"""

from __future__ import annotations

from collections.abc import Mapping

from mindspeed_rl_ext.core.errors import ExtError
from mindspeed_rl_ext.core.responses.host_verifiers import HostVerifier
from mindspeed_rl_ext.core.responses.response_parts import ANSWER_TAG, THINK_TAG
from mindspeed_rl_ext.doctor.readers.rewards.scoring import bare_name
from mindspeed_rl_ext.verifiers import resolve

TAGS = frozenset({THINK_TAG, ANSWER_TAG})


def reads_of(spec: str, host: Mapping[str, HostVerifier]) -> tuple[str, ...]:
    """The conditions that a response must meet; empty where nothing is known.

    Args:
        spec: the verifier, with parameters.
        host: the host's own verifiers.

    Example:
        >>> reads_of("dapo(boxed=True)", {})
        ('box',)
    """
    bare = bare_name(spec)
    if bare in host:
        return host[bare].reads
    try:
        return resolve(spec).reads or ()
    except ExtError:
        return ()  # an unknown name is a finding of its own


def reads_tags(spec: str, host: Mapping[str, HostVerifier]) -> bool:
    """Whether a verifier pays only for tags."""
    return not TAGS.isdisjoint(reads_of(spec, host))
