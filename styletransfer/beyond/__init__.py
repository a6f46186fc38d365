"""The project's objective on what is no picture; each module here stands for itself."""
