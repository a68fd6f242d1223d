"""Every family of goldens, in the order they are made."""
from . import attention, conv, core, files, merge, mnist, models, norm, ops, pooling, rnn

FAMILIES = (core, conv, pooling, norm, merge, rnn, attention, ops, models, files, mnist)


def make(suite):
    for family in FAMILIES:
        family.goldens(suite)
