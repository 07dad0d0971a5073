"""Modules that a host finds by their file's name in a package of its own."""
