"""The conventions of all known operators, one row of data each."""
