"""Who asks: the REST service. It checks, appends intents, rollouts and actions, and never touches
the cluster."""
