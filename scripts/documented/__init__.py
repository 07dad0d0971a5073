"""The commands and code that the documentation shows, and how a test runs each.

Covers: `pages` (fenced blocks, inline code and marks of a page), `commands` (a shell block as
commands), `plans` (run, print or marked, and the words that do it here).
Does not cover: the files that the commands read; `tests/docs/world.py` makes them.
"""
