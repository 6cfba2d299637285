"""The played half of the local plane: controllers of our own in the place of KServe, Knative and a
gateway.

They read and write objects in memory. Nothing of it starts a process or opens a socket.
"""
