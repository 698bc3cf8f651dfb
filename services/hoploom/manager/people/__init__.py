"""Who the people are that use this mesh: their names, roles and passwords, and how they are let in the first time.

`users` is pure; `store` says what is asked of a store of users, of which there are two.
"""
