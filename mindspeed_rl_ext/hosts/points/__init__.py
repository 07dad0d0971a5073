"""What is done at a host's extension points: handlers, templates, verifiers, converters."""
