"""The whole system under faults, on real parts, and the helpers that its tests share."""
