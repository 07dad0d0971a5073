"""Responses: their text and parts, reference answers, rollouts, metrics, the audit."""
