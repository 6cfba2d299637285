"""The real Kubernetes, KServe and Knative control plane as plain processes on loopback, built from
Go modules.

For tests and for developers who have no container engine: the same controllers as in a cluster,
with fake nodes.
"""
