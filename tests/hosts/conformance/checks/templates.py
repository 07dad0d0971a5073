"""Packs the same rows with the host's prompt-only handler and with ours, template by template."""

import json
import sys
from pathlib import Path

job = json.loads(Path("job.json").read_text())
HANDLERS = ["R1AlpacaStyleInstructionHandler", "AlpacaStylePromptOnlyHandler"]


def rl_settings():
    from mindspeed_rl.config_cls.data_handler_config import DataHandlerConfig
    from mindspeed_rl.datasets import data_handler
    from mindspeed_rl.utils.tokenizer import get_tokenizer

    def build(settings):
        args = DataHandlerConfig({**settings, "tokenizer_type": "HuggingFaceTokenizer"})
        tokenizer = get_tokenizer(
            args.tokenizer_name_or_path,
            prompt_type=args.prompt_type,
            prompt_type_path=args.prompt_type_path,
        )
        return args, tokenizer

    return data_handler, build


def llm_settings():
    words = ["--input", job["rows"], "--output-prefix", "x/x", "--tokenizer-type",
             "PretrainedFromHF", "--tokenizer-name-or-path", job["tokenizer"]]  # fmt: skip
    sys.argv = ["preprocess_data.py", *words]
    sys.path.insert(0, job["checkout"])
    import preprocess_data
    from mindspeed_llm.tasks.preprocess import data_handler

    def build(settings):
        args = preprocess_data.get_args()
        vars(args).update(settings)
        return args, preprocess_data.build_tokenizer(args)

    return data_handler, build


def pack(modules, name, path, handler, prefix):
    data_handler, build = modules
    args, tokenizer = build(
        {
            "input": job["rows"], "tokenizer_name_or_path": job["tokenizer"],
            "output_prefix": str(prefix), "handler_name": handler, "prompt_type": name,
            "prompt_type_path": path, "map_keys": job["map_keys"], "workers": 1,
            "dataset_additional_keys": ["labels"], "cache_dir": str(Path("cache").absolute()),
        }
    )  # fmt: skip
    rows = data_handler.build_dataset(args)
    data_handler.get_dataset_handler(args, rows, tokenizer, None).serialize_to_disk()
    return prefix.with_name(prefix.name + "_packed_input_ids_document.bin").read_bytes()


def templates_of(module, kind, path):
    """The names of a file, each in a module of templates that has not seen another of that name."""
    names = [template["name"] for template in json.loads(Path(path).read_text())]
    for name in names:
        module.templates.pop(name, None)
    return names


modules = rl_settings() if job["rl"] else llm_settings()
registry = sys.modules[
    "mindspeed_rl.datasets.templates" if job["rl"] else "mindspeed_llm.tasks.preprocess.templates"
]
found = {}
for kind, path in job["templates"].items():
    for name in templates_of(registry, kind, path):
        folder = Path(kind, name).absolute()
        made = []
        for number, handler in enumerate(HANDLERS):
            prefix = folder / str(number) / "x"
            prefix.parent.mkdir(parents=True)
            try:
                made.append(pack(modules, name, path, handler, prefix).hex())
            except Exception as error:  # noqa: BLE001  the error is what is looked at
                made.append(f"{type(error).__name__}: {error}")
        found[f"{kind} {name}"] = made
Path("found.json").write_text(json.dumps(found))
