"""Every family of goldens, in the order they are made."""
from . import conv, core, merge, norm, pooling

FAMILIES = (core, conv, pooling, norm, merge)


def make(suite):
    for family in FAMILIES:
        family.goldens(suite)
