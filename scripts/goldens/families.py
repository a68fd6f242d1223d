"""Every family of goldens, in the order they are made."""
from . import core


def make(suite):
    core.goldens(suite)
