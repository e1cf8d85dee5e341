# What `make install` puts where, and that a program outside the tree can use it.
load ../helpers

setup_file() {
    [ -z "$VANTA_SANITIZE" ] || return 0
    export INSTALLED=$BATS_FILE_TMPDIR/root
    DESTDIR=$INSTALLED cmake --install "$VANTA_BINARY_DIR" --prefix /usr >/dev/null
}

setup() {
    fresh_home
    [ -z "$VANTA_SANITIZE" ] || skip "sanitizer builds are not installed"
    lib=$(dirname "$(find "$INSTALLED/usr" -name libvanta.a)")
    case $(uname -s) in
    Darwin) shared=$lib/libvanta.dylib ;;
    *) shared=$lib/libvanta.so ;;
    esac
}

@test "program, libraries, headers, pkg-config file and completions are installed" {
    for file in bin/vanta include/vanta.h include/vanta_error.h \
        share/bash-completion/completions/vanta share/zsh/site-functions/_vanta \
        share/fish/vendor_completions.d/vanta.fish; do
        [ -s "$INSTALLED/usr/$file" ] || { echo "missing: $file"; false; }
    done
    [ -s "$lib/libvanta.a" ]
    [ -s "$shared" ]
    [ -s "$lib/pkgconfig/vanta.pc" ]
}

@test "man pages are installed where scdoc is" {
    command -v scdoc >/dev/null || skip "scdoc is not installed"
    for page in man1/vanta.1 man1/vanta-setup.1 man1/vanta-test.1 man1/vanta-run.1 \
        man1/vanta-bench.1 man5/vanta-registry.5 man5/vanta-catalog.5; do
        [ -s "$INSTALLED/usr/share/man/$page" ] || { echo "missing: $page"; false; }
    done
}

@test "nothing but what this list names is installed" {
    cd "$INSTALLED/usr"
    find . -type f -o -type l | sed 's|^\./||; s|lib/[a-z0-9_]*-[a-z-]*/|lib/|' |
        LC_ALL=C sort >"$BATS_TEST_TMPDIR/found"
    run grep -vE '^(bin/vanta|include/vanta(_error)?\.h|lib/libvanta\.(a|so|so\.[0-9.]+|dylib|[0-9.]+\.dylib)|lib/pkgconfig/vanta\.pc|share/bash-completion/completions/vanta|share/zsh/site-functions/_vanta|share/fish/vendor_completions\.d/vanta\.fish|share/man/man[15]/vanta[a-z-]*\.[15]|libexec/vanta/vanta-engine(\.build)?|lib/vanta/lib(llama|whisper|ggml[a-z0-9_-]*)\.(so|so\.[0-9.]+|dylib|[0-9.]+\.dylib))$' \
        "$BATS_TEST_TMPDIR/found"
    [ -z "$output" ] || { echo "$output"; false; }
}

@test "the installed program runs and knows its version" {
    run "$INSTALLED/usr/bin/vanta" --version
    exits 0
    [ "$output" = "vanta $(cat "$VANTA_SOURCE_DIR/VERSION")" ]
}

@test "pkg-config gives version and flags" {
    export PKG_CONFIG_PATH=$lib/pkgconfig
    [ "$(pkg-config --modversion vanta)" = "$(cat "$VANTA_SOURCE_DIR/VERSION")" ]
    run pkg-config --libs vanta
    contains -lvanta
}

@test "the shared library exports exactly the listed names" {
    if [ "$(uname -s)" = Darwin ]; then
        nm -gU "$shared" | awk '{ print $3 }' | LC_ALL=C sort >exported
        LC_ALL=C sort "$VANTA_SOURCE_DIR/src/exports.macos" >listed
    else
        nm -D --defined-only "$shared" | awk '{ print $3 }' | LC_ALL=C sort >exported
        tr ';' '\n' <"$VANTA_SOURCE_DIR/src/exports.map" |
            grep -oE 'vanta_[a-z0-9_]+' | LC_ALL=C sort >listed
    fi
    [ -s listed ]
    diff -u listed exported
}

@test "both export lists and the header agree" {
    tr ';' '\n' <"$VANTA_SOURCE_DIR/src/exports.map" |
        grep -oE 'vanta_[a-z0-9_]+' | LC_ALL=C sort >linux
    sed 's/^_//' "$VANTA_SOURCE_DIR/src/exports.macos" | LC_ALL=C sort >macos
    cat "$VANTA_SOURCE_DIR"/include/*.h | sed 's|/\*.*\*/||' | grep -v '^typedef' |
        grep -oE '\bvanta_[a-z0-9_]+\(' | tr -d '(' | LC_ALL=C sort -u >header
    diff -u linux macos
    diff -u linux header
}

@test "stripped, vanta is under 1 MB" {
    strip -o vanta "$INSTALLED/usr/bin/vanta"
    size=$(wc -c <vanta)
    echo "$size bytes"
    [ "$size" -lt 1000000 ]
}

@test "vanta links no inference engine, and loads curl and libarchive only when needed" {
    if [ "$(uname -s)" = Darwin ]; then
        run otool -L "$INSTALLED/usr/bin/vanta"
    else
        run ldd "$INSTALLED/usr/bin/vanta"
    fi
    exits 0
    contains libcrypto
    contains jansson
    for name in llama whisper ggml onnx torch python libcurl libarchive; do
        lacks "$name"
    done
}

@test "a C program compiles against the installed header and both libraries" {
    cat >user.c <<'END'
#include <stdio.h>
#include <vanta.h>

int main(void)
{
    printf("%s %s\n", vanta_version(), vanta_status_name(VANTA_ERR_DIGEST));
    return 0;
}
END
    cc=${CC:-cc}
    version=$(cat "$VANTA_SOURCE_DIR/VERSION")
    $cc -std=c11 -pedantic -Wall -Wextra -Werror -I "$INSTALLED/usr/include" user.c \
        -o with_shared -L "$lib" -lvanta
    run env LD_LIBRARY_PATH="$lib" DYLD_LIBRARY_PATH="$lib" ./with_shared
    exits 0
    [ "$output" = "$version digest" ]

    $cc -std=c11 -I "$INSTALLED/usr/include" user.c -o with_static "$lib/libvanta.a" \
        $(pkg-config --libs libcrypto jansson) -lm -lpthread -ldl
    run ./with_static
    exits 0
    [ "$output" = "$version digest" ]
}

@test "the header is C++ too" {
    command -v c++ >/dev/null || skip "no C++ compiler"
    echo '#include <vanta.h>
int main() { return vanta_version() == nullptr; }' >user.cc
    c++ -std=c++17 -Wall -Wextra -Werror -I "$INSTALLED/usr/include" -fsyntax-only user.cc
}
