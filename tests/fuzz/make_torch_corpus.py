#!/usr/bin/env python3
"""Writes the seeds of fuzz_pickle, fuzz_torch_file and fuzz_xtts_gguf: right ones and hostile
ones.

usage: make_torch_corpus.py MAKE_XTTS   (the program; writes below tests/fuzz/corpus)
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = b"\x80\x02"


def put(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def text(s):
    data = s if isinstance(s, bytes) else s.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(n):
    return b"\x8a\x08" + struct.pack("<q", n)


def tensor(sizes, strides, elements, key="0", offset=0, kind="FloatStorage"):
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")
            + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu")
            + number(elements) + b"tQ" + number(offset)
            + b"(" + b"".join(map(number, sizes)) + b"t"
            + b"(" + b"".join(map(number, strides)) + b"t\x89"
            + b"ccollections\nOrderedDict\n)RtR")


def dictionary(**items):
    return b"}(" + b"".join(text(k) + v for k, v in items.items()) + b"u"


def pickles():
    right = dictionary(a=tensor([3, 4], [4, 1], 12), b=tensor([4, 3], [1, 4], 12))
    bomb = b"}q\x00" + b"".join(
        b"}(" + text("a") + b"h\x00" + text("b") + b"h\x00uq\x00" for _ in range(40))
    yield "tensors", PROTO + right + b"."
    yield "call", PROTO + b"cos\nsystem\n(" + text("true") + b"tR."
    yield "call-in-state", PROTO + b"}" + text("x") + b"cbuiltins\neval\n)\x81}bs."
    yield "object", (PROTO + b"cTTS.tts.configs.xtts_config\nXttsConfig\n)\x81}("
                     + text("model") + b"q\x05" + text("xtts") + b"ub.")
    yield "bomb", PROTO + b"(" + bomb + b"t."
    yield "loop-list", PROTO + b"]q\x00h\x00a."
    yield "loop-dict", PROTO + b"}q\x00" + text("me") + b"h\x00s."
    yield "loop-tuple", PROTO + b"]q\x00(h\x00h\x00tq\x01ah\x01a."
    yield "deep-marks", PROTO + b"(" * 70 + b"t" * 70 + b"."
    yield "deep-lists", PROTO + b"]q\x00" + b"](h\x00eq\x00" * 80 + b"."
    yield "memo-far", PROTO + b"Nr\xff\xff\x0f\x00j\xff\xff\x0f\x00\x86."
    yield "memo-none", PROTO + b"h\x07."
    yield "long-text", PROTO + b"X\xff\xff\xff\xffabc"
    yield "bad-utf8", PROTO + text(b"\xc3\x28\xff") + b"."
    yield "numbers", PROTO + b"(J\xff\xff\xff\x7fK\xffM\xff\xff\x8a\x00\x8a\x01\xffG" + b"\x7f" * 8 + b"t."
    yield "long-number", PROTO + b"\x8a\xff" + b"\x01" * 255 + b"."
    yield "protocol-4", b"\x80\x04\x95" + struct.pack("<Q", 3) + b"}\x94."
    yield "text-pickle", b"(dp0\nS'a'\np1\nI1\ns."
    yield "storage-short", PROTO + b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + b"tQ."
    yield "stack-under", PROTO + b"\x87."
    yield "set-on-list", PROTO + b"](NNu."
    yield "rest", PROTO + b"N.N"


def archive(path, pickle, members=(), method=zipfile.ZIP_STORED, root="archive"):
    with zipfile.ZipFile(path, "w", method) as z:
        z.writestr(zipfile.ZipInfo(root + "/data.pkl"), pickle, method)
        for name, data in members:
            z.writestr(zipfile.ZipInfo(root + "/" + name), data, method)
    with open(path, "rb") as f:
        return f.read()


def containers(folder):
    path = os.path.join(folder, "x")
    data = ("data/0", bytes(48))
    for name, pickle in pickles():
        yield "pickle-" + name, archive(path, pickle, [data])
    one = dictionary(x=tensor([3, 4], [4, 1], 12))
    right = archive(path, PROTO + one + b".", [data, ("byteorder", b"little"), ("version", b"3\n")])
    yield "right", right
    yield "cut", right[:-30]
    yield "no-directory", right[:200]
    yield "big-endian", archive(path, PROTO + one + b".", [data, ("byteorder", b"big")])
    yield "packed", archive(path, PROTO + one + b".", [data], zipfile.ZIP_DEFLATED)
    yield "twice", archive(path, PROTO + one + b".", [data, data])
    yield "no-storage", archive(path, PROTO + one + b".")
    lies = {
        "beyond": tensor([3, 4], [4, 1], 12, offset=1),
        "sizes": tensor([1 << 62, 1 << 62], [1, 1], 12),
        "strides": tensor([2, 2], [1 << 62, 1], 12),
        "negative": tensor([-1, 4], [4, 1], 12),
        "elements": tensor([3, 4], [4, 1], 1 << 60),
        "expanded": tensor([1 << 30, 4], [0, 1], 12),
        "overlapping": tensor([4, 4], [2, 1], 12),
        "rank": tensor([1] * 9, [1] * 9, 12),
        "empty": tensor([0, 4], [4, 1], 12),
        "scalar": tensor([], [], 1, kind="LongStorage"),
        "bf16": tensor([12], [1], 12, kind="BFloat16Storage"),
    }
    for name, value in lies.items():
        yield "lie-" + name, archive(path, PROTO + dictionary(x=value) + b".", [data])
    shared = dictionary(x=tensor([3, 4], [4, 1], 12), y=tensor([2, 2], [4, 1], 12, offset=3))
    yield "shared", archive(path, PROTO + shared + b".", [data])
    central = right.rindex(b"PK\x01\x02")
    for name, at, value in (("two-sizes", 20, 9), ("offset", 42, 0), ("offset-far", 44, 255),
                            ("name-longer", 28, 40), ("encrypted", 8, 1)):
        changed = bytearray(right)
        changed[central + at] = value
        yield "zip-" + name, bytes(changed)
    end = bytearray(right)
    end[-6:-2] = b"\xff" * 4
    yield "zip-directory-far", bytes(end)
    end = bytearray(right)
    end[-12:-10] = b"\xff\xff"
    yield "zip-count", bytes(end)


def folder_files(program, folder):
    subprocess.run([program, "small", folder], check=True)
    for which, name in (("c", "config.json"), ("v", "vocab.json"), ("s", "speakers_xtts.pth")):
        with open(os.path.join(folder, name), "rb") as f:
            yield which, name, f.read()
    with zipfile.ZipFile(os.path.join(folder, "model.pth")) as z:
        yield "p", "pickle", z.read("model/data.pkl")


def xtts(program, folder):
    for which, name, data in folder_files(program, os.path.join(folder, "xtts")):
        first = which.encode()
        name = name.split(".")[0]
        yield name, first + data
        yield name + "-cut", first + data[: len(data) * 2 // 3]
        if which == "c":
            for key, value in (("gpt_layers", 1), ("gpt_layers", 3), ("gpt_n_heads", 5),
                               ("gpt_number_text_tokens", 65536), ("output_hop_length", 128),
                               ("gpt_max_audio_tokens", 1), ("gpt_start_audio_token", None)):
                document = json.loads(data)
                document["model_args"][key] = value
                yield "config-%s-%s" % (key, value), first + json.dumps(document).encode()
        if which == "v":
            document = json.loads(data)
            document["model"]["vocab"]["far"] = 1 << 40
            yield "vocab-far", first + json.dumps(document).encode()
            yield "vocab-deep", first + b"[" * 4000
        if which == "p":
            for name, old, new in (("type", b"FloatStorage", b"HalfStorage"),
                                   ("weights", b"mel_stats", b"mel_stat_"),
                                   ("global", b"torch\nLongStorage", b"torch\nload")):
                yield "pickle-" + name, first + data.replace(old, new, 1)


def main():
    for name, data in pickles():
        put("pickle", name, data)
    with tempfile.TemporaryDirectory() as folder:
        for name, data in containers(folder):
            put("torch_file", name, data)
        for name, data in xtts(sys.argv[1], folder):
            put("xtts_gguf", name, data)


if __name__ == "__main__":
    main()
