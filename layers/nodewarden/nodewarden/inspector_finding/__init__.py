"""Inspector's findings about hosts: what they say, which are urgent, and what follows for a node group. Pure."""
