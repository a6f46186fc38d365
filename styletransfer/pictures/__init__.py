"""Pictures: files, databases, and what goes into a run."""
