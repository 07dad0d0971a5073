"""Moving bytes: threads, streaming, checksums, the journal of a run."""
