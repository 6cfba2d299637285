"""Scripts that run against the fake control plane and against the real controllers, and what is
compared."""
