"""What a rollout is: values, rules and decisions. Standard library only: no I/O, no clock, no
async."""
