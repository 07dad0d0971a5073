"""One call from a data file to packed files.

Covers: `preprocess(options)`, what `msrl-ext preprocess` does after reading its flags.
Does not cover: data that is in memory already; `handler` does.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mindspeed_rl_ext.preprocess.engine import pack_rows
from mindspeed_rl_ext.preprocess.options import PreprocessOptions
from mindspeed_rl_ext.preprocess.readers import open_source
from mindspeed_rl_ext.preprocess.report import PreprocessReport
from mindspeed_rl_ext.preprocess.staging import refuse_stale
from mindspeed_rl_ext.preprocess.template import load_template
from mindspeed_rl_ext.preprocess.tokenizer import load_tokenizer


def preprocess(options: PreprocessOptions) -> PreprocessReport:
    """Preprocesses a data file.

    Args:
        options: what, and how.

    Returns:
        The report, which is also written to `<prefix>_report.json`.

    Raises:
        InputError: anything about the input or the options that can't be used; no file is left.
        MissingExtraError: a library of the `data` extra is missing.
    """
    options = replace(options, output_prefix=Path(options.output_prefix))
    refuse_stale(options.output_prefix, overwrite=options.overwrite)
    source = open_source(options.input)
    template = load_template(options.prompt_type, options.prompt_type_path)
    folder = Path(options.tokenizer_name_or_path).expanduser().resolve()
    tokenizer = load_tokenizer(folder, workers=options.workers)
    return pack_rows(source, tokenizer, template, options)
