"""One call from a data file to packed files.

Covers: `preprocess(options)`, what `msrl-ext preprocess` does after reading its flags.
Does not cover: data that is in memory already; `handler` does.
"""

from __future__ import annotations

from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.engine import pack_rows
from mindspeed_rl_ext.preprocess.options import VERL, PreprocessOptions
from mindspeed_rl_ext.preprocess.output import FORMATS
from mindspeed_rl_ext.preprocess.packing.staging import require_free
from mindspeed_rl_ext.preprocess.reading.readers import open_source
from mindspeed_rl_ext.preprocess.report import PreprocessReport
from mindspeed_rl_ext.preprocess.templates import chat_template
from mindspeed_rl_ext.preprocess.templates.template import PromptTemplate, load_template
from mindspeed_rl_ext.preprocess.templates.tokenizer import (
    Tokenizer,
    load_tokenizer,
    load_with_transformers,
    wrap_transformers,
)
from mindspeed_rl_ext.preprocess.verl.chat import ChatPrompts
from mindspeed_rl_ext.preprocess.verl.reading import parquet_file

NO_CHAT = "verl puts the model's chat template around each prompt: give the tokenizer one"


def preprocess(options: PreprocessOptions) -> PreprocessReport:
    """Preprocesses a data file or directory.

    Args:
        options: what, and how.

    Returns:
        The report, which is also written to `<prefix>_report.json`.

    Raises:
        InputError: anything about the input or the options that can't be used; no file is left.
        MissingExtraError: a library of the `data` extra is missing.
    """
    if options.n_subs > 1:
        from mindspeed_rl_ext.preprocess.packing.processes import preprocess_in_parts

        return preprocess_in_parts(options)
    made = FORMATS[options.format]
    require_free(*options.prefixes(), overwrite=options.overwrite, files=made.files)
    _require_other_file(options)
    source = open_source(options.input)
    template, tokenizer = template_and_tokenizer(options)
    return pack_rows(source, tokenizer, template, options)


def _require_other_file(options: PreprocessOptions) -> None:
    """Raises InputError where the rows would be written over the rows that are read."""
    source = options.input.expanduser().resolve()
    for prefix in options.prefixes():
        if options.format == VERL and parquet_file(prefix).resolve() == source:
            raise InputError(
                f"{options.input} would be written over itself",
                remedy="choose another --output-prefix",
            )


def template_and_tokenizer(options: PreprocessOptions) -> tuple[PromptTemplate, Tokenizer]:
    """The template and the tokenizer that the options name.

    Raises:
        InputError: there is no such template, or no tokenizer in the directory.
    """
    folder = Path(options.tokenizer_name_or_path).expanduser().resolve()
    if options.format == VERL:
        wrapped = load_with_transformers(folder, workers=options.workers)
        chat = chat_template.ChatTemplate(wrapped, remedy=NO_CHAT)
        own = options.prompt_type == chat_template.PROMPT_TYPE
        around = None if own else load_template(options.prompt_type, options.prompt_type_path)
        return ChatPrompts(chat, around), wrap_transformers(wrapped, name=str(folder))
    if options.prompt_type == chat_template.PROMPT_TYPE:
        wrapped = load_with_transformers(folder, workers=options.workers)
        return chat_template.ChatTemplate(wrapped), wrap_transformers(wrapped, name=str(folder))
    template = load_template(options.prompt_type, options.prompt_type_path)
    return template, load_tokenizer(folder, workers=options.workers)
