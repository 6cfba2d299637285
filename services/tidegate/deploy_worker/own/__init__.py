"""Where people's own metrics are read: Prometheus on a cluster, nowhere else but at who implements
`source.OwnSource`."""
