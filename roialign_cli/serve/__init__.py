"""Serve the page to a browser on this computer."""
