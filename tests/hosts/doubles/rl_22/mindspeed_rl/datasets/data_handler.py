"""A double: handlers are looked up by name in this module."""

import sys


class BaseDatasetHandler:
    def __init__(self, args, raw_datasets, tokenizer, splitter):
        self.args = args


class AlpacaStyleInstructionHandler(BaseDatasetHandler):
    pass


def _get_handler_cls(handler_name=None):
    found = getattr(sys.modules[__name__], handler_name, None)
    if found is None:
        raise ValueError(f"{handler_name} is not supported.")
    return found


def get_dataset_handler(args, raw_dataset, tokenizer, splitter):
    return _get_handler_cls(args.handler_name)(args, raw_dataset, tokenizer, splitter)
