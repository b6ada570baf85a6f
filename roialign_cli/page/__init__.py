"""The interactive page: what it shows, its answers and its files."""
