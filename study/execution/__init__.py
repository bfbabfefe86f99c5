"""Where and how cells run: worker processes, what they cost, progress, provenance."""
