"""Explanations and tables as blocks, in the terminal, Markdown and HTML."""
