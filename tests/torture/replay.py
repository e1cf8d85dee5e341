"""What a power cut could leave of a folder, from the log of what was done in it.

    replay.py BASE INODES LOG ROOT SEED

BASE is a copy of the folder before; INODES has "inode type path" of it (find -printf
'%i %y %p\\n'); LOG is shim.c's: records "KIND words\\n", a W followed by its bytes. The
folder ROOT is made anew as it could look after a cut at a moment that follows from SEED:

- Bytes of a file are there as far as it was synced by fsync or fdatasync. What was written
  since is there or not, page by page; a length that changed since is the old or the new one,
  and pages that never came are zeros.
- Names (creating, renaming, linking, deleting) reach the disk in their order, as journals of
  file systems keep it: all up to the last sync of a folder, and any number of those after.
  A file's own sync says nothing about its name.
"""
import os
import random
import shutil
import sys

PAGE = 4096
base, inodes, log, root, seed = sys.argv[1:]
dice = random.Random(int(seed))


class File:
    """now: as the program sees it; safe: as of the last sync; dirty: pages written since."""

    def __init__(self, data=b""):
        self.now, self.safe, self.dirty = bytearray(data), bytes(data), set()

    def write(self, pos, data):
        if len(self.now) < pos + len(data):
            self.now.extend(bytes(pos + len(data) - len(self.now)))
        self.now[pos:pos + len(data)] = data
        self.dirty.update(range(pos // PAGE, (pos + len(data) + PAGE - 1) // PAGE))

    def resize(self, size):
        if size < len(self.now):
            del self.now[size:]
        else:
            self.now.extend(bytes(size - len(self.now)))

    def sync(self):
        self.safe, self.dirty = bytes(self.now), set()

    def cut(self):
        size = dice.choice((len(self.safe), len(self.now)))
        left = bytearray(self.safe[:size])
        left.extend(bytes(size - len(left)))
        for page in self.dirty:
            part = self.now[page * PAGE:min((page + 1) * PAGE, size)]
            if part and dice.random() < 0.5:
                left[page * PAGE:page * PAGE + len(part)] = part
        return bytes(left[:size])


def read_log(path):
    with open(path, "rb") as file:
        while line := file.readline():
            kind, _, rest = line[:-1].decode().partition(" ")
            if kind == "W":
                inode, pos, size = map(int, rest.split())
                yield kind, inode, pos, file.read(size)
            elif kind == "T":
                yield (kind, *map(int, rest.split()))
            elif kind == "S":
                yield kind, int(rest)
            elif kind in "CD":
                inode, _, path = rest.partition(" ")
                yield kind, int(inode), path
            else:
                yield (kind, *rest.split("\t"))


objects, folders, names = {}, set(), {}
for line in open(inodes):
    inode, kind, path = line.rstrip("\n").split(" ", 2)
    if kind == "d":
        folders.add(int(inode))
        names[path] = None
    else:
        with open(base + path[len(root):], "rb") as file:
            names[path] = objects[int(inode)] = File(file.read())

records = list(read_log(log))
steps, sure = [], 0
for record in records[:dice.randint(0, len(records))]:
    kind = record[0]
    if kind == "C":  # its number may be that of something deleted
        folders.discard(record[1])
        objects[record[1]] = File()
        steps.append(("C", record[2], objects[record[1]]))
    elif kind == "D":
        objects.pop(record[1], None)
        folders.add(record[1])
        steps.append(("C", record[2], None))
    elif kind in "RLU":
        steps.append(record)
    elif kind == "W":
        objects[record[1]].write(record[2], record[3])
    elif kind == "T":
        objects[record[1]].resize(record[2])
    elif record[1] in folders:
        sure = len(steps)
    elif record[1] in objects:
        objects[record[1]].sync()


def move(old, new):
    for path in [p for p in names if p == old or p.startswith(old + "/")]:
        names[new + path[len(old):]] = names.pop(path)


for step in steps[:dice.randint(sure, len(steps))]:
    if step[0] == "C":
        names[step[1]] = step[2]
    elif step[0] == "R":
        move(step[1], step[2])
    elif step[0] == "L":
        names[step[2]] = names[step[1]]
    else:
        names.pop(step[1], None)

shutil.rmtree(root, ignore_errors=True)
os.makedirs(root)
for path in sorted(names):
    if names[path] is None:
        os.makedirs(path, exist_ok=True)
for path, file in names.items():
    if file is not None:
        with open(path, "wb") as out:
            out.write(file.cut())
print(f"{len(steps)} names changed, {sure} of them for certain, of {len(records)} records")
