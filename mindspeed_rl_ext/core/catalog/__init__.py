"""Messages in Chinese: one table per part, English template to Chinese template.

A message is composed in English where it arises, `f"{path} has no {key}"`, and is compared with the
templates where it is shown. So an error reads the same in code, logs and tests, engines know
nothing of languages, and a message without an entry is shown in English.

To add a message, write it in English; `scripts/messages.py` prints it for the table of its part,
and a test fails until it is there.

Covers: errors, lines of output, log records. Does not cover: texts that describe a declaration;
those stand beside it as `core.language.Text`.

Example:
    >>> translate("unknown command 'convrt'", "zh")
    "未知命令 'convrt'"
"""

from mindspeed_rl_ext.core.catalog.translation import translate, translate_lines

__all__ = ["translate", "translate_lines"]
