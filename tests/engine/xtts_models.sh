#!/bin/sh
# usage: xtts_models.sh MAKE_XTTS DIR - full-size models of XTTS with weights by formula:
# DIR/f32.gguf, f16.gguf, q8_0.gguf (3.4 GB, and 1.9 GB while they are made). Those that
# this very program made before are kept.
set -eu
make=$1
dir=$2
stamp=$(cksum <"$make")
if [ "$(cat "$dir/made-by" 2>/dev/null)" = "$stamp" ]; then
    echo "kept: $dir"
    exit 0
fi
rm -rf "$dir"
mkdir -p "$dir"
trap 'rm -rf "$dir/folder"' EXIT
"$make" full "$dir/folder" f32 "$dir/f32.gguf" f16 "$dir/f16.gguf" q8_0 "$dir/q8_0.gguf"
echo "$stamp" >"$dir/made-by"
