"""A new node AMI is released: what a node group should run, and where it stands."""
