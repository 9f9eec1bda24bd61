"""What runs before and around Django: set-up, the embedded database, the run command's children.

Nothing here imports a package from outside the standard library: it has to work before any is
installed.
"""
