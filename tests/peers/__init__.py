"""Scripts that run other libraries' operators and save their outputs in tests/golden.

Each script needs an environment of its own, which its docstring names. From the project's root,
`python -m tests.peers.make_NAME` writes tests/golden/NAME.npz.
"""
