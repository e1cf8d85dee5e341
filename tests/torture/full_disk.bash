#!/bin/bash
# full_disk.bash - set-ups on disks of every size, in a mount namespace of its own.
#
#     unshare -m full_disk.bash KIND SCENE FIRST LAST STEP    (a user: unshare -rm)
#
# torture_setup has been called, and its variables are exported; SCENE is one of step() in
# torture.bash, from an empty folder. The folder is a file system of FIRST, FIRST + STEP ...
# LAST bytes (KIND bytes, that says how much room it has; KIND quota, that says it has
# plenty) or so many files and folders (KIND names, that says it has plenty). The command
# ends well or says that the disk is full; what must hold holds; and once there is room it
# comes to its end. A line for each: KIND, size, exit code, and what could not be done.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/torture/torture.bash
. "$here/torture.bash"

# disk SIZE NAMES: an empty one, in place of the folder.
disk() {
    umount "$LIVE" 2>/dev/null
    rm -rf "$LIVE"
    mkdir -p "$LIVE"
    mount -t tmpfs -o "size=$1,nr_inodes=$2" tmpfs "$LIVE"
}

# What is asked before the first byte is right: it is refused and nothing is there, or it fits.
asked_right() {
    [ "$CODE" -ne 0 ] || return 0
    grep -q 'are needed on the disk' "$STAGE/out" && [ -z "$(find "$LIVE" -type f -size +0)" ]
}

# What is registered is there, whole, whatever became of the rest.
registered_is_there() {
    local id

    for id in $MAKES; do
        grep -q "\"id\": *\"$id\"" "$LIVE/registry/registry.json" 2>/dev/null || continue
        holds "keep $id" || return 1
    done
}

# full KIND SCENE N
full() {
    local code

    case $1 in
    names) disk 64m "$3" ;;
    *) disk "$3" 1000 ;;
    esac || return 1
    words "$2"
    disturbed SHIM_CLASS= SHIM_ROOM="$([ "$1" = bytes ] || echo 1)"
    code=$CODE
    if [ "$code" -ne 0 ]; then
        [ "$code" -eq 3 ] && grep -q 'No space left\|are free' "$STAGE/out" || return 1
    fi
    [ "$1" != bytes ] || asked_right || return 1
    registered_is_there || return 1
    cp "$STAGE/out" "$STAGE/said"
    # With a source, or mount(8) repeats an owner that a user namespace does not know.
    mount -t tmpfs -o remount,size=64m,nr_inodes=1000 tmpfs "$LIVE" && recovers || return 1
    echo "$1 $3 exit $code $(sed -n "s|$LIVE/||g; s/^vanta: //p" "$STAGE/said" | head -n 1)"
}

for ((n = $3; n <= $4; n += $5)); do
    full "$1" "$2" "$n" || { cat "$STAGE/out"; echo "not so with $n ($1, $2)"; exit 1; }
done
