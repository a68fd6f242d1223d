"""Prints what TensorFlow reads in event files, a line a value: step, tag, plugin, type, shape, sum of the numbers.

    "$(scripts/venv.sh)/bin/python" scripts/events.py FILE...
"""
import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from tensorflow.core.util import event_pb2

for path in sys.argv[1:]:
    for record in tf.data.TFRecordDataset(path):
        event = event_pb2.Event.FromString(record.numpy())
        if event.file_version:
            print(event.file_version, event.source_metadata.writer)
        for value in event.summary.value:
            array = tf.make_ndarray(value.tensor)
            total = "%.6g" % array.sum() if array.dtype != object else len(array.item())
            print(event.step, value.tag, value.metadata.plugin_data.plugin_name, array.dtype, "x".join(map(str, array.shape)), total)
