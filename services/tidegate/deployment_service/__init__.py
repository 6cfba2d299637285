"""Who asks: the REST service. It checks, appends intents, rollouts and wishes, and never touches the cluster."""
