"""Torch's own file format: a zip of stored records and a pickle, read and written without torch."""
