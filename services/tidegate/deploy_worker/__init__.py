"""Who acts: claims what is due, observes, decides, plans, writes to the cluster, records."""
