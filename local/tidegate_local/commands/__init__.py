"""The commands that this package brings to the CLI: `up`, `down`, `demo`, `dev`."""
