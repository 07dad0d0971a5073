"""The Chinese tables, one per part of the package."""
