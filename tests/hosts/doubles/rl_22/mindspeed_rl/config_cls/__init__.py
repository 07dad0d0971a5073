"""A double of the host: its real package imports the validation names here, early."""

from .validate_config import validate_data_handler_config

__all__ = ["validate_data_handler_config"]
