"""A rollout brings node groups to a new AMI, in waves and windows: what the policy wants, where it stands, what is next."""
