"""A double: the closed list of handlers, and one more check after it."""


def validate_data_handler_config(config):
    allowed = ["AlpacaStyleInstructionHandler", "R1AlpacaStyleInstructionHandler"]
    if config.prompt_type is not None and config.handler_name not in allowed:
        raise ValueError(f"handler name must be in {allowed}")
    if not config.output_prefix:
        raise ValueError("no output_prefix")
    config.validated = True
