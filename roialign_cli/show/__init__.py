"""Records turned into what a person reads: terminal tables, text, figures, JSON."""
