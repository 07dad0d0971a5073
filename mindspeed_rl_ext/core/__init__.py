"""What every part uses: errors, registry, text, files, progress, rollouts, metrics."""
