"""Nodewarden keeps the worker hosts of Amazon EKS clusters protected by itself."""
