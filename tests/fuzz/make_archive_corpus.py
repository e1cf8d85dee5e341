#!/usr/bin/env python3
"""Writes the small archives, sound and hostile, that the archive tests read.

Run by hand after a change; its output (corpus/archive/ and ../data/archive/) is
committed, and the same bytes come out of every run.
"""
import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus", "archive")
DATA = os.path.join(HERE, "..", "data", "archive")
WHEN = (2020, 1, 1, 0, 0, 0)
TEXT = b"one\n"
# 3,000 bytes that deflate to less, but not to nothing.
BYTES = b"".join(struct.pack("<H", (i * i) % 997) for i in range(1500))
ZEROS = 40 << 20


def save(folder, name, data):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def info(name, method=zipfile.ZIP_DEFLATED, mode=0o100644):
    i = zipfile.ZipInfo(name, WHEN)
    i.compress_type = method
    i.create_system = 3
    i.external_attr = mode << 16
    return i


def make_zip(members):
    """members: (ZipInfo, data)"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for i, data in members:
            z.writestr(i, data)
    return out.getvalue()


def raw_zip(name, data, method=0, flags=0, crc=None, size=None, descriptor=False):
    """One member, every field as told, so that it can lie."""
    packed = data
    if method == 8:
        c = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = c.compress(data) + c.flush()
    crc = zlib.crc32(data) if crc is None else crc
    size = len(data) if size is None else size
    name = name.encode()
    if descriptor:
        flags |= 8
    sums = struct.pack("<III", crc, len(packed), size)
    in_local = struct.pack("<III", 0, 0, 0) if descriptor else sums
    local = struct.pack("<IHHHHH", 0x04034B50, 20, flags, method, 0, 0x5021)
    local += in_local + struct.pack("<HH", len(name), 0) + name + packed
    if descriptor:
        local += b"PK\7\10" + sums
    central = struct.pack("<IHHHHHH", 0x02014B50, 0x0314, 20, flags, method, 0, 0x5021)
    central += sums + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0o100644 << 16, 0)
    central += name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


def tar_member(name, data=b"", kind=tarfile.REGTYPE, link=""):
    i = tarfile.TarInfo(name)
    i.size = len(data)
    i.type = kind
    i.linkname = link
    return i, data


def make_tar(members, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as t:
        for i, data in members:
            t.addfile(i, io.BytesIO(data))
    return out.getvalue()


def gz(data):
    return gzip.compress(data, 9, mtime=0)


def sparse_tar():
    """GNU's old sparse format: 3,000 bytes of data behind a hole."""
    header = bytearray(make_tar([tar_member("b.bin", BYTES)], tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:410] = b"%011o\0" % 65536 + b"%011o\0" % len(BYTES)
    header[483:495] = b"%011o\0" % (65536 + len(BYTES))
    header[148:156] = b"        "
    total = sum(header[:512])
    header[148:156] = b"%06o\0 " % total
    return bytes(header)


def main():
    os.makedirs(CORPUS, exist_ok=True)
    os.makedirs(DATA, exist_ok=True)
    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    plain = [
        (info("a/", stored, 0o040755), b""),
        (info("a/one.txt", stored), TEXT),
        (info("b.bin", deflated), BYTES),
        (info("empty", stored), b""),
    ]
    tar = [
        tar_member("package/a", kind=tarfile.DIRTYPE),
        tar_member("package/a/one.txt", TEXT),
        tar_member("./b.bin", BYTES),
        tar_member("long/" + "n" * 200 + "/one.txt", TEXT),
        tar_member("package/\u00e9.txt", TEXT),
    ]
    inner = make_zip(plain)
    cut = len(inner) // 2
    c = {
        "plain.zip": inner,
        "plain.tar": make_tar(tar),
        "plain.tar.gz": gz(make_tar(tar)),
        "gnu.tar": make_tar(tar[:4], tarfile.GNU_FORMAT),
        "utf8.zip": make_zip([(info("mod\u00e8le/\u6a21.bin"), BYTES)]),
        "descriptor.zip": raw_zip("b.bin", BYTES, 8, descriptor=True),
        "stored-descriptor.zip": raw_zip("b.bin", BYTES, 0, descriptor=True),
        "link.zip": make_zip([(info("b.bin", stored, 0o120777), b"../../etc/passwd")]),
        "link.tar": make_tar([tar_member("b.bin", kind=tarfile.SYMTYPE, link="/etc/x")]),
        "hardlink.tar": make_tar(
            [tar_member("a", TEXT), tar_member("b.bin", kind=tarfile.LNKTYPE, link="a")]
        ),
        "fifo.tar": make_tar([tar_member("b.bin", kind=tarfile.FIFOTYPE)]),
        "folder.zip": make_zip([(info("b.bin", stored, 0o040755), b"")]),
        "double.zip": raw_double("b.bin"),
        "double.tar": make_tar([tar_member("b.bin", BYTES), tar_member("b.bin", TEXT)]),
        "dotdot.zip": make_zip(
            [(info("../../escape"), TEXT), (info("/abs"), TEXT), (info("b.bin"), BYTES)]
        ),
        "dotdot.tar": make_tar(
            [tar_member("../../escape", TEXT), tar_member("/abs", TEXT),
             tar_member("b.bin", BYTES)]
        ),
        "encrypted.zip": raw_zip("b.bin", b"\0" * 12 + BYTES, 0, flags=1),
        "bad-crc.zip": raw_zip("b.bin", BYTES, 8, crc=1),
        "lying-size.zip": raw_zip("b.bin", BYTES, 8, size=10),
        "method.zip": raw_zip("b.bin", BYTES, 99),
        "sparse.tar": sparse_tar(),
        "short.zip": inner[: len(inner) - 700],
        "short.tar.gz": gz(make_tar(tar))[:300],
        "short.tar": make_tar([tar_member("b.bin", BYTES)])[:1024],
        "empty": b"",
        "page.html": b"<!DOCTYPE html><html><body>Sign in</body></html>\n",
        # An archive that was cut in two and put into two others.
        "part1.whl": make_zip([(info("p/x.zip.001"), inner[:cut])]),
        "part2.whl": make_zip([(info("p/x.zip.002", stored), inner[cut:])]),
        "part1.tgz": gz(make_tar([tar_member("package/x.1", inner[:cut])])),
        "part2-bad-crc.whl": raw_zip("p/x.zip.002", inner[cut:], 0, crc=1),
    }
    for name, data in c.items():
        save(CORPUS, name, data)
    zeros = bytes(ZEROS)
    bomb = raw_zip("b.bin", zeros, 8)
    save(DATA, "bomb.zip", bomb)
    save(DATA, "bomb.tar.gz",
         gz(make_tar([tar_member("bomb", zeros), tar_member("b.bin", BYTES)])))
    # A part whose bytes, taken for an archive, never come to an end.
    members = inner[: inner.index(b"PK\1\2")]
    save(DATA, "bomb-part.whl", raw_zip("x.zip", members + zeros, 8))


def raw_double(name):
    """Two members of one name, as zipfile would only write with a warning."""
    a, b = (info(name), info(name[:-1] + "_"))
    data = make_zip([(a, BYTES), (b, TEXT)])
    return data.replace((name[:-1] + "_").encode(), name.encode())


main()
