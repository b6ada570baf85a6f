"""Compare two recordings: pair their calls and boxes, and find the first stage that differs."""
