#!/usr/bin/python3
"""cxi_read.py file rows: h5py reads the images, and writes the same chunks."""
import os
import sys
import tempfile

import h5py
import numpy as np

path, rows = sys.argv[1], int(sys.argv[2])
with h5py.File(path, "r") as f:
    data = f["/entry_1/data_1/data"]
    assert data == f["/entry_1/instrument_1/detector_1/data"]
    assert data.shape[0] == rows, data.shape
    values = data[...]
    assert np.any(values != 0)
    filters = data._filters
    chunk, type_ = data.chunks, data.dtype
    raw = {}
    for i in range(data.id.get_num_chunks()):
        info = data.id.get_chunk_info(i)
        assert info.filter_mask == 0
        raw[info.chunk_offset] = data.id.read_direct_chunk(info.chunk_offset)[1]
    assert f["/entry_1/result_1/peakXPosRaw"].attrs["units"] == b"pixel" \
        or f["/entry_1/result_1/peakXPosRaw"].attrs["units"] == "pixel"

# Bitshuffle has one encoding only: the filter's own bytes must be ours.
if "32008" in filters:
    with tempfile.TemporaryDirectory() as d:
        with h5py.File(os.path.join(d, "again.h5"), "w") as f:
            again = f.create_dataset("data", values.shape, type_, chunks=chunk,
                                     compression=32008, compression_opts=(0, 2))
            again[...] = values
            # The first two say which version of the library it was.
            assert again._filters["32008"][2:] == filters["32008"][2:], (
                again._filters, filters)
            for at, bytes_ in raw.items():
                assert again.id.read_direct_chunk(at)[1] == bytes_, at
