"""What goes wrong around a worker on the real control plane: tools to cause it, and to see every
tick of it."""
