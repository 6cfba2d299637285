"""Preflight: everything that can be known before anything moves is asked of the cluster then, and
not found out at 25 %."""
