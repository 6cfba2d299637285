"""What makes Triton Triton, and nothing else does: which runtimes are Triton (`servers`), how its
container is written (`container`) and restricted (`restriction`), the V2 protocol (`protocol`), the
inference that warms it up (`warmup`), what its models take and give (`signature`), and its own
counters (`metrics`). All of it is pure.

A second runtime would bring a folder of the same parts.
"""
