"""What makes it quick; it can be left out of a first reading."""
