"""
The cases of Kubernetes' own tests, each by its name, held against the gateway.

A test here is named for the upstream case, and its docstring says in which
file of which repository that is.  What another test of ours has promised
already is a row of the table in README.rst, which says which.
"""
