"""What people are told: a change of the ledger in, a message out. No AWS, no clock.

Every message says what, where, who caused it, what was done, how to undo it and where the evidence is.
"""
