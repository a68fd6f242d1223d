"""Every family of goldens, in the order they are made."""
from . import attention, conv, core, custom, dtypes, files, images, keras2only, merge, mnist, models, more, norm, ops, opsrare, pooling, preprocessing, rnn

FAMILIES = (core, conv, pooling, norm, merge, rnn, attention, preprocessing, ops, opsrare, images, keras2only, more, models, files, custom, mnist)


ONEDNN = (dtypes,)  # Eigen's sums of bfloat16 round on the way, which no processor of today shows: oneDNN's don't


def make(suite, onednn=False):
    for family in ONEDNN if onednn else FAMILIES:
        family.goldens(suite)
