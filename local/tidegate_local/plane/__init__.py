"""The local plane: played controllers over real processes, started by one daemon, reached through
one link."""
