"""What Tidegate costs and what it spares, as ratios measured in one run; `python -m bench` runs all
of it."""
