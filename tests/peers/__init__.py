"""Other libraries' operators, and scripts that save their outputs in tests/golden.

`live.py` lists the operators for tests that run them and for docs/behaviour.md.

Each script needs an environment of its own, which its docstring names. From the project's root,
`python -m tests.peers.make_NAME` writes tests/golden/NAME.npz.
"""
