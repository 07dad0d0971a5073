"""Prompts in, nothing else: rows of a data set to packed files of prompt tokens and labels.

Covers: readers, record -> prompt -> input_ids, templates, labels, rejects, the packed files, the
handler class for the hosts. Each idea has its own module; `run.preprocess` puts them together.
Does not cover: training samples with a response in them; the hosts' own handlers make those.
"""
