"""Benchmark evaluation: responses from a backend, verdicts, figures with confidence intervals."""
