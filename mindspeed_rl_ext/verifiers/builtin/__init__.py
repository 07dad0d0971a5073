"""The built-in verifiers: one file, one idea; the file has the verifier's name."""
