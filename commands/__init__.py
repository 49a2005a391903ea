"""The commands of `isthmus`, a file for each group in `isthmus --help`.

A command parses, calls one function and prints. It imports what it needs when it runs, so that
`isthmus --help` is quick. Each file lists its commands in `COMMANDS`, in the order of the help.
"""
