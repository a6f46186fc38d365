"""The objective beyond pictures."""
