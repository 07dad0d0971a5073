"""MindSpeed-LLM and MindSpeed-RL, of every line: what is added to them, and where.

Covers: adapters (`lines/`, one file of data a host line), how a point is probed, applied or
trip-wired, and LEDGER.md, a row for each point.
Does not cover: noticing that a host module was imported; `activation` does.
"""
