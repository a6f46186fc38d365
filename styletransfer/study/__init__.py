"""The study: many runs, measured, compared and drawn."""
