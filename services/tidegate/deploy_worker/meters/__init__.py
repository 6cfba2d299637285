"""Meters: per-revision counts of answers, read from the metrics that a cluster already keeps."""
