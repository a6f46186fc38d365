"""Runs: what was asked for, what was decided, what is kept."""
