"""Writes GGUF version 3: header, metadata, tensor table, then the tensors, each at a multiple of 32 bytes.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct

ALIGNMENT = 32
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
F32, F16 = 0, 1  # ggml tensor types


class U32(int):
    """An integer that is stored as uint32 (plain ints in arrays are int32)."""


def pack_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def pack_value(value):
    """(type, bytes) of one metadata value."""
    if isinstance(value, bool):
        return BOOL, struct.pack("<?", value)
    if isinstance(value, U32):
        return UINT32, struct.pack("<I", value)
    if isinstance(value, int):
        return INT32, struct.pack("<i", value)
    if isinstance(value, float):
        return FLOAT32, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, pack_string(value)
    kinds, items = zip(*(pack_value(item) for item in value))
    assert len(set(kinds)) == 1
    return ARRAY, struct.pack("<IQ", kinds[0], len(items)) + b"".join(items)


def write(path, metadata, tensors):
    """`tensors` maps a name to a torch tensor: vectors are stored as F32, matrices as F16.

    A matrix of shape (rows, columns) is listed as (columns, rows): ggml names the contiguous dimension first.
    """
    out = bytearray(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata)))
    for key, value in metadata.items():
        kind, data = pack_value(value)
        out += pack_string(key) + struct.pack("<I", kind) + data
    blobs, offset = [], 0
    for name, tensor in tensors.items():
        kind = F32 if tensor.dim() == 1 else F16
        tensor = tensor.detach().float() if kind == F32 else tensor.detach().half()
        data = tensor.contiguous().numpy().tobytes()
        shape = list(reversed(tensor.shape))
        out += pack_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        data += bytes(-len(data) % ALIGNMENT)
        blobs.append(data)
        offset += len(data)
    out += bytes(-len(out) % ALIGNMENT)
    with open(path, "wb") as file:
        file.write(out)
        for blob in blobs:
            file.write(blob)
