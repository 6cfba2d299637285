"""Metrics of people's own: what they may write, how their queries are bound to a tenant, and how
what these answer becomes evidence."""
