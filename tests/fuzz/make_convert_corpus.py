#!/usr/bin/env python3
"""Writes the seeds of the readers of src/convert: small right files and broken ones.

usage: make_convert_corpus.py   (writes below tests/fuzz/corpus)
"""
import io
import json
import os
import struct
import zipfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def put(target, name, data):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    with open(os.path.join(HERE, target, name), "wb") as f:
        f.write(data)


def cuts(target, name, data):
    put(target, name, data)
    for part in (1, 2, 3):
        put(target, f"{name}-cut{part}", data[: len(data) * part // 4])


def ct2_string(text):
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def ct2_variable(name, shape, kind, data, count=None):
    head = ct2_string(name) + struct.pack("<B", len(shape))
    head += b"".join(struct.pack("<I", n) for n in shape)
    return head + struct.pack("<BI", kind, len(data) if count is None else count) + data


def ct2(variables, aliases=(), count=None, tail=b""):
    out = struct.pack("<I", 6) + ct2_string("WhisperSpec") + struct.pack("<I", 3)
    out += struct.pack("<I", len(variables) if count is None else count)
    out += b"".join(variables) + struct.pack("<I", len(aliases))
    for alias, name in aliases:
        out += ct2_string(alias) + ct2_string(name)
    return out + tail


good = [
    ct2_variable("a/weight", (2, 3), 4, bytes(12)),
    ct2_variable("b/scale", (), 0, bytes(4)),
]
cuts("ct2", "good", ct2(good, [("c/weight", "a/weight")]))
put("ct2", "lying-count", ct2(good, count=60000))
put("ct2", "lying-bytes", ct2([ct2_variable("a", (4,), 0, bytes(4))]))
put("ct2", "huge-shape", ct2([ct2_variable("a", (65536, 65536, 65536, 65536), 0, b"")]))
put("ct2", "alias-of-nothing", ct2(good, [("c", "d")]))
put("ct2", "alias-loop", ct2(good, [("c", "c")]))
put("ct2", "trailing", ct2(good, tail=b"x"))


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def tensor(name, shape, kind, offset):
    out = text(name) + struct.pack("<I", len(shape))
    out += b"".join(struct.pack("<Q", n) for n in shape)
    return out + struct.pack("<IQ", kind, offset)


def gguf(keys, tensors, data, n_keys=None, n_tensors=None):
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors) if n_tensors is None else n_tensors,
                                len(keys) if n_keys is None else n_keys)
    out += b"".join(keys) + b"".join(tensors)
    return out + bytes(-len(out) % 32) + data


keys = [
    key("general.architecture", 8, text("llama")),
    key("general.file_type", 4, struct.pack("<I", 15)),
    key("llama.block_count", 4, struct.pack("<I", 2)),
    key("list", 9, struct.pack("<IQ", 8, 2) + text("x") + text("y")),
    key("number", 12, bytes(8)),
]
cuts("gguf", "good", gguf(keys, [tensor("t", (32, 2), 8, 0)], bytes(68)))
put("gguf", "nested", gguf([key("n", 9, struct.pack("<IQ", 9, 1) * 40)], [], b""))
put("gguf", "lying-counts", gguf(keys, [], b"", n_keys=1 << 40, n_tensors=1 << 40))
put("gguf", "overflow", gguf([], [tensor("t", (1 << 40, 1 << 40), 0, 0)], b""))
put("gguf", "past-end", gguf([], [tensor("t", (32,), 0, 1 << 60)], bytes(64)))
put("gguf", "long-string", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 63))
put("gguf", "alignment", gguf([key("general.alignment", 4, bytes(4))], [], b""))


def safetensors(header, data, length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


cuts("safetensors", "good",
     safetensors({"__metadata__": {"format": "pt"}, "a": entry([2], 0, 8)}, bytes(8)))
put("safetensors", "overlap",
    safetensors({"a": entry([2], 0, 8), "b": entry([1], 4, 8)}, bytes(8)))
put("safetensors", "gap", safetensors({"a": entry([1], 4, 8)}, bytes(8)))
put("safetensors", "negative", safetensors({"a": entry([-1], 0, 8)}, bytes(8)))
put("safetensors", "huge", safetensors({"a": entry([1 << 40, 1 << 40], 0, 8)}, bytes(8)))
put("safetensors", "length", safetensors({}, b"", length=1 << 62))
put("safetensors", "deep", safetensors(b"[" * 4000, b""))


def whisper(tensors, vocab=(b"a", b"bc"), mels=80):
    out = struct.pack("<I11i", 0x67676D6C, 51865, 4, 64, 1, 1, 4, 64, 1, 1, mels, 1)
    out += struct.pack("<ii", mels, 2) + bytes(mels * 8) + struct.pack("<i", len(vocab))
    for token in vocab:
        out += struct.pack("<i", len(token)) + token
    return out + b"".join(tensors)


def whisper_tensor(name, shape, kind, data):
    out = struct.pack("<iii", len(shape), len(name), kind)
    return out + b"".join(struct.pack("<i", n) for n in shape) + name + data


cuts("whisper_ggml", "good", whisper([whisper_tensor(b"t", (2, 2), 1, bytes(8))]))
put("whisper_ggml", "huge-tensor", whisper([whisper_tensor(b"t", (1 << 30, 1 << 30), 0, b"")]))
put("whisper_ggml", "negative",
    struct.pack("<I11i", 0x67676D6C, 51865, 4, -64, 1, 1, 4, 64, 1, 1, 80, 1))
put("whisper_ggml", "rank", whisper([struct.pack("<iii", 9, 1, 0)]))

put("tokenizer_json", "good", bytes([2]) + b'{"model":{"vocab":{"a":0,"\xc4\xa0b":1,"z":9}}}')
put("tokenizer_json", "array", bytes([2]) + b'["a","\xc4\x80"]')
put("tokenizer_json", "twice", bytes([2]) + b'{"model":{"vocab":{"a":0,"b":0}}}')
put("tokenizer_json", "missing", bytes([3]) + b'{"model":{"vocab":{"a":0}}}')
put("tokenizer_json", "outside", bytes([1]) + b'["\xe2\x82\xac"]')
put("tokenizer_json", "types", bytes([1]) + b'{"model":{"vocab":{"a":"0"}}}')
put("tokenizer_json", "none", bytes([1]) + b"{}")


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name in names:
            z.writestr(zipfile.ZipInfo(name), b"x")
    return out.getvalue()


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


cuts("inspect", "torch.zip", archive("archive/data.pkl", "archive/version"))
put("inspect", "torch-last.zip", archive("a/byteorder", "a/data.pkl"))
put("inspect", "other.zip", archive("package/__init__.py"))
put("inspect", "torch.pickle", bytes([0x80, 2, 0x8A, 10]) + bytes(10))
put("inspect", "page.html", b"\xef\xbb\xbf \n<!DOCTYPE HTML><html>")
put("inspect", "pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
cuts("inspect", "model.onnx",
     bytes([8, 9]) + field(2, b"pytorch") + field(7, b"graph") + field(8, b""))
put("inspect", "old.ct2", struct.pack("<I", 5) + ct2_string("WhisperSpec"))
put("inspect", "whisper.ct2", ct2(good))
put("inspect", "tensors.safetensors", safetensors({"a": entry([2], 0, 8)}, bytes(8)))
