"""Toys for tests: a clock, a kubelet and a data plane that a test tells what to do, and a lab that
joins them."""
