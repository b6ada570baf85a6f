"""The interactive page of an explanation."""
