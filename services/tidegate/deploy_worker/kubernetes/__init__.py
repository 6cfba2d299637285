"""The Kubernetes adapter of `core.ports.Cluster`: reads from watches, writes by server-side apply.

The only package that imports the Kubernetes client. `cluster.py` is the port; below it are the
watched tenants (`tenants`, `reflector`, `cache`), the writes (`writer`, `patience`, `ownership`),
what the cluster can do (`capabilities`), and one thin layer over the client (`api`, `connect`).
"""
