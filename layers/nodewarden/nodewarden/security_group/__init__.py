"""A security group opens to the internet: what the event says, what a rule is, what the policy wants, what to do."""
