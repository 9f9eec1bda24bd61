"""Versions of what a worker makes to be looked at. Plain, so that the pages read them too.

What is kept under another version counts as not there, and is made again when it is wanted.
"""

LAYOUT = 3  # of ``psa.engine.diagram.layout``: raised whenever its keys change
# Of ``psa.engine.picture``: raised whenever its bytes change, or what it is a picture of (the
# basis, the forecast case and the parts that decided).
PICTURE = 2
