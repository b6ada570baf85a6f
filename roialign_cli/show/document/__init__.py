"""Explanations and tables as blocks, rendered in the terminal, as Markdown and as HTML."""
