# The man pages and README say what the program has, and nothing that it has not.
load ../helpers

man=$VANTA_SOURCE_DIR/docs/man

setup() {
    fresh_home
}

commands() {
    "$VANTA" --help | awk '/^  [a-z]/ { print $1 }'
}

# The part of vanta(1) that begins with "## COMMAND".
section() {
    awk -v want="## $1" '$0 == want { on = 1; next } /^#/ { on = 0 } on' "$man/vanta.1.scd"
}

common_options() {
    awk '/^# COMMON OPTIONS/ { on = 1; next } /^# / { on = 0 } on' "$man/vanta.1.scd"
}

options_of() {
    "$VANTA" "$1" --print-options | cut -f 1
}

# The options that lines like "*-n*, *--dry-run*" describe.
described() {
    grep -E '^\*-' | grep -oE -- '\*--[a-z0-9-]+\*' | tr -d '*'
}

text_of() {
    if [ -e "$man/vanta-$1.1.scd" ]; then
        cat "$man/vanta-$1.1.scd"
    else
        section "$1"
    fi
}

@test "vanta(1) has a section for every command, and for no other" {
    commands | LC_ALL=C sort >"$BATS_TEST_TMPDIR/commands"
    [ -s "$BATS_TEST_TMPDIR/commands" ]
    sed -n 's/^## //p' "$man/vanta.1.scd" | LC_ALL=C sort >"$BATS_TEST_TMPDIR/sections"
    diff -u "$BATS_TEST_TMPDIR/commands" "$BATS_TEST_TMPDIR/sections"
}

@test "every option stands in the man pages, and every described one exists" {
    common_options | described >"$BATS_TEST_TMPDIR/common"
    for command in $(commands); do
        options_of "$command" | LC_ALL=C sort >"$BATS_TEST_TMPDIR/has"
        text_of "$command" | described | LC_ALL=C sort >"$BATS_TEST_TMPDIR/own"
        # Common options may be described once for all.
        cat "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/common" | LC_ALL=C sort -u \
            >"$BATS_TEST_TMPDIR/says"
        run comm -23 "$BATS_TEST_TMPDIR/has" "$BATS_TEST_TMPDIR/says"
        [ -z "$output" ] || { echo "$command: not described: $output"; false; }
        run comm -13 "$BATS_TEST_TMPDIR/has" "$BATS_TEST_TMPDIR/own"
        [ -z "$output" ] || { echo "$command: described, not there: $output"; false; }
    done
}

@test "scdoc takes every page" {
    command -v scdoc >/dev/null || skip "scdoc is not installed"
    for page in "$man"/*.scd; do
        scdoc <"$page" >"$BATS_TEST_TMPDIR/page"
        [ -s "$BATS_TEST_TMPDIR/page" ]
    done
}

@test "every page is linked from another" {
    for page in "$man"/*.scd; do
        name=$(basename "$page" .scd)
        title="${name%.*}*(${name##*.})"
        grep -lF "*$title" "$man"/*.scd | grep -qv "/$name.scd$" ||
            { echo "nobody names $title"; false; }
    done
}

@test "the commands that README and CONTRIBUTING show exist" {
    commands >"$BATS_TEST_TMPDIR/commands"
    for file in README.md CONTRIBUTING.md; do
        # In a block of code, or between backticks.
        sed -nE '/^```/,/^```/p; s/^[^`]*`([^`]*)`.*/\1/p' "$VANTA_SOURCE_DIR/$file" |
            grep -oE '(^|[$ /])vanta [a-z]+' | awk '{ print $NF }' | LC_ALL=C sort -u \
            >"$BATS_TEST_TMPDIR/shown"
        [ -s "$BATS_TEST_TMPDIR/shown" ]
        run grep -vxFf "$BATS_TEST_TMPDIR/commands" "$BATS_TEST_TMPDIR/shown"
        [ -z "$output" ] || { echo "$file shows: $output"; false; }
    done
}

@test "the files and links that README and CONTRIBUTING name exist" {
    cd "$VANTA_SOURCE_DIR"
    for file in README.md CONTRIBUTING.md; do
        grep -oE '\]\([^):]+\)' "$file" | tr -d '])(' | while read -r link; do
            [ -e "${link%%#*}" ] || { echo "$file: $link"; exit 1; }
        done
        grep -oE '`(\./)?(scripts|docs|catalog|src|tests|bench|include|cmake)/[A-Za-z0-9_./-]+`' \
            "$file" | tr -d '`' | grep -vE 'NAME|MODULE' | while read -r name; do
            [ -e "$name" ] || { echo "$file: $name"; exit 1; }
        done
    done
}
