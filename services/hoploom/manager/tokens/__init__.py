"""People's tokens on the manager's side: who makes and removes them, and what becomes of those of who may no more.

`trust.people` says what a token is worth, on every service.
"""
