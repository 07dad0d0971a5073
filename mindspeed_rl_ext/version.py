"""The version of the distribution, alone in a file so that setup reads it without importing."""

__version__ = "0.2.0"
