"""Feeding the readers and the command line what nobody would write."""
