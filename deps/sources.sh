# shellcheck shell=sh
# sources.sh - the engines' sources as engines.lock pins them: fetched, checked, unpacked.
#
# For build-engines.sh, which sets $lock, $source, $cache and sources lib.sh. Nothing of what
# is fetched runs here, and nothing is unpacked before its integrity is checked.
#
#     sources_make FOLDER    # FOLDER/llama.cpp and FOLDER/whisper.cpp, checked
#     sources_check FOLDER   # the same, fetched anew; what differs is said

: "${lock:?}" "${cache:?}" "${again:?}" "${source?}"

# pinned PART NAME [N]: the value, or its N-th word. Fails when there is none.
pinned() {
    value=$(awk -v part="$1" -v name="$2" -v n="${3:-0}" '
        $1 == part && $2 == name {
            if (n) { print $(2 + n); exit }
            sub(/^[^ \t]+[ \t]+[^ \t]+[ \t]+/, ""); print; exit
        }' "$lock")
    [ -n "$value" ] || {
        say "$lock: no line \"$1 $2\""
        return 1
    }
    printf '%s\n' "$value"
}

# digest_lines BITS [FILE...]: lines that start with the digest of each file, or of stdin.
digest_lines() {
    bits=$1
    shift
    if has "sha${bits}sum"; then
        "sha${bits}sum" "$@"
    elif has shasum; then
        shasum -a "$bits" "$@"
    else
        openssl dgst "-sha$bits" -r "$@"
    fi
}

sha256() {
    digest_lines 256 | cut -d ' ' -f 1
}

# hex_of BASE64, in lower case.
hex_of() {
    printf '%s\n' "$1" | awk '{
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        sub(/=+$/, "")
        for (i = 1; i <= length($0); i++) {
            digit = index(alphabet, substr($0, i, 1)) - 1
            if (digit < 0) exit 1
            bits = bits * 64 + digit
            n += 6
            while (n >= 4) {
                n -= 4
                unit = 2 ^ n
                hex = hex sprintf("%x", int(bits / unit))
                bits %= unit
            }
        }
        # What is left of the last digit belongs to no byte.
        print substr(hex, 1, length(hex) - length(hex) % 2)
    }'
}

# same_integrity FILE sha512-BASE64
same_integrity() {
    wanted=$(hex_of "${2#sha512-}") || return 1
    [ "${#wanted}" = 128 ] && [ "$(digest_lines 512 "$1" | cut -d ' ' -f 1)" = "$wanted" ]
}

# One digest of all files below the current folder, by their paths and contents.
digest_of_files() {
    # A link could lead out of the folder, and no digest would see it.
    [ -z "$(find . ! -type f ! -type d)" ] || return 1
    if has sha256sum; then
        find . -type f -exec sha256sum {} +
    else
        find . -type f -exec shasum -a 256 {} +
    fi | LC_ALL=C sort -k 2 | sha256
}

# ---- npm ----

# program NAME: its absolute path; one that lies in the current folder is not taken.
program() {
    path=$(command -v "$1") || return 1
    case $path in
    /*) printf '%s\n' "$path" ;;
    *) return 1 ;;
    esac
}

need_npm() {
    npm=$(program npm) && return 0
    say "The engines' sources come as npm packages, and there is no npm here."
    system_read
    case ${manager:?} in
    apt) say "  Install it: apt-get install npm" ;;
    brew) say "  Install it: brew install node" ;;
    *) say "  Install npm with this system's package manager." ;;
    esac
    say "  Or take the sources from upstream: VANTA_ENGINE_SOURCE=git $again"
    return 1
}

# npm_fetch NAME VERSION FOLDER: NAME-VERSION.tgz into FOLDER by the user's own npm, with the
# user's registry and proxy, and a cache and settings of its own.
npm_fetch() {
    need_npm || return 1
    (umask 077 && mkdir "$3/npm" "$3/npm/tmp") || return 1
    (
        cd "$3/npm" || exit 1
        # npm takes settings from the nearest folder above that has a package.json: here.
        echo '{"private": true}' >package.json
        for name in dry_run workspace workspaces global json cache tmp pack_destination \
            loglevel; do
            unset "npm_config_$name" "NPM_CONFIG_$(echo "$name" | tr '[:lower:]' '[:upper:]')"
        done
        unset HF_TOKEN HUGGING_FACE_HUB_TOKEN OPENAI_API_KEY
        TMPDIR=$3/npm/tmp "$npm" pack "$1@$2" --ignore-scripts --cache "$3/npm/cache" \
            --loglevel=error --dry-run=false --no-update-notifier
    ) || {
        say "npm could not fetch $1@$2: \`npm ping\` tells whether its registry is reached"
        return 1
    }
    mv "$3/npm/$1-$2.tgz" "$3/$1-$2.tgz" && rm -rf "$3/npm"
}

# package_of PART FOLDER: sets $package to the checked package; a fetched one is kept for
# the next build.
package_of() {
    name=$(pinned "$1" npm 1) && version=$(pinned "$1" npm 2) &&
        integrity=$(pinned "$1" integrity) || return 1
    file=$name-$version.tgz
    case $source in
    /*)
        package=$source/$file
        [ -f "$package" ] || {
            say "$package is not there (VANTA_ENGINE_SOURCE names the folder)"
            return 1
        }
        ;;
    *)
        package=$cache/sources/$file
        if [ -n "${anew:-}" ] || ! same_integrity "$package" "$integrity" 2>/dev/null; then
            echo "Fetching $name@$version with npm"
            npm_fetch "$name" "$version" "$2" || return 1
            package=$2/$file
        fi
        ;;
    esac
    if ! same_integrity "$package" "$integrity"; then
        say "$file: its integrity is not what $lock says; it was not unpacked"
        return 1
    fi
    if [ "$package" = "$2/$file" ]; then
        mv "$package" "$cache/sources/$file" || return 1
        package=$cache/sources/$file
    fi
}

packages_are_here() {
    for part in llama whisper; do
        same_integrity "$cache/sources/$(pinned $part npm 1)-$(pinned $part npm 2).tgz" \
            "$(pinned $part integrity)" 2>/dev/null || return 1
    done
}

unpack() {
    tar -xzof "$1" -C "$2" "$3" || {
        say "$1 has no $3"
        return 1
    }
}

# ---- git ----

need_git() {
    git=$(program git) && return 0
    say "git is needed to unpack llama.cpp's sources, and there is none here."
    say "  Install git, then run $again again."
    return 1
}

# git without the user's hooks, templates, filters and credentials questions; PROTOCOL is
# the only one it may use. HOME as the user's only where proxies and certificates matter.
safe_git() {
    protocol=$1
    shift
    (
        unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_EXEC_PATH \
            GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_TEMPLATE_DIR GIT_CONFIG_PARAMETERS \
            GIT_CONFIG_COUNT GIT_CONFIG GIT_EXTERNAL_DIFF GIT_SSH GIT_SSH_COMMAND \
            GIT_ALLOW_PROTOCOL GIT_ASKPASS
        if [ "$protocol" = file ]; then
            HOME=$git_home XDG_CONFIG_HOME=$git_home GIT_CONFIG_NOSYSTEM=1
            GIT_CONFIG_GLOBAL=/dev/null
            export HOME XDG_CONFIG_HOME GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL
        fi
        GIT_TERMINAL_PROMPT=0 GIT_LFS_SKIP_SMUDGE=1 "$git" -c core.hooksPath=/dev/null \
            -c core.fsmonitor=false -c submodule.recurse=false -c protocol.allow=never \
            -c "protocol.$protocol.allow=always" -c init.templateDir= \
            -c fetch.fsckObjects=true -c advice.detachedHead=false -c gc.auto=0 "$@"
    )
}

# git_unpack PART FROM REF PROTOCOL FOLDER: what FROM has at REF, compared with the lock
# before a file of it is written; the files below FOLDER.
git_unpack() {
    git_home=$5.home
    mkdir "$git_home" || return 1
    safe_git file init -q --template= "$5" || return 1
    safe_git "$4" -C "$5" fetch -q --depth 1 --no-tags --no-recurse-submodules "$2" "$3" ||
        return 1
    for what in commit tree; do
        wanted=$(pinned "$1" $what 2>/dev/null) || continue
        got=$(safe_git file -C "$5" rev-parse "FETCH_HEAD^{$what}") || return 1
        if [ "$got" != "$wanted" ]; then
            say "$1: its $what is $got, and $lock pins $wanted; nothing was unpacked"
            return 1
        fi
        checked=1
    done
    if [ -z "${checked:-}" ]; then
        say "$lock pins neither commit nor tree of $1"
        return 1
    fi
    checked=
    safe_git file -C "$5" checkout -q --detach FETCH_HEAD && rm -rf "$git_home"
}

git_source() {
    url=$(pinned "$1" git 1) && tag=$(pinned "$1" git 2) || return 1
    kept=$cache/sources/$1-$tag.git
    if [ -d "$kept" ] && [ -z "${anew:-}" ]; then
        git_unpack "$1" "$kept" refs/heads/pinned file "$2/$1.cpp"
        return
    fi
    echo "Fetching $tag of $url with git"
    git_unpack "$1" "$url" "refs/tags/$tag" "${url%%:*}" "$2/$1.cpp" || return 1
    [ ! -d "$kept" ] || return 0
    safe_git file -C "$2/$1.cpp" branch -q pinned &&
        cp -R "$2/$1.cpp/.git" "$kept.$$" && mv "$kept.$$" "$kept"
}

# ---- both ----

make_llama() {
    if [ "$source" = git ]; then
        git_source llama "$1"
        return
    fi
    package_of llama "$1" || return 1
    member=$(pinned llama member) || return 1
    mkdir "$1/llama" && unpack "$package" "$1/llama" "$member" &&
        git_unpack llama "$1/llama/$member" HEAD file "$1/llama.cpp" && rm -rf "$1/llama"
}

make_whisper() {
    if [ "$source" = git ]; then
        git_source whisper "$1"
        return
    fi
    package_of whisper "$1" || return 1
    member=$(pinned whisper member) && wanted=$(pinned whisper digest) || return 1
    mkdir "$1/whisper" && unpack "$package" "$1/whisper" "$member" || return 1
    got=$(cd "$1/whisper/$member" && digest_of_files) || got="that of no plain files"
    if [ "$got" != "$wanted" ]; then
        say "whisper: the digest of its files is $got, and $lock pins $wanted"
        return 1
    fi
    mv "$1/whisper/$member" "$1/whisper.cpp" && rm -rf "$1/whisper"
}

sources_make() {
    need_git && make_llama "$1" && make_whisper "$1"
}

sources_check() {
    anew=1
    sources_make "$1"
}
