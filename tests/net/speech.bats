# The client of the speech API, against a server that misbehaves.
load ../helpers
load speech_server

setup() {
    fresh_home
    start_speech
}

teardown() {
    stop_speech
}

@test "speech comes whole into the file, in every format" {
    local format

    mkdir -p "$BATS_TEST_TMPDIR/out"
    echo half >"$BATS_TEST_TMPDIR/out/.speech.tmp-2147483646-0" # of a killed run
    for format in mp3 opus aac flac wav pcm; do
        rm -f "${OUT:-}"
        speak good --format $format
        exits 0
        said ok "bytes 48064 attempts 1 request req_test"
        [ "$(wc -c <"$OUT")" -eq 48064 ]
        [ "$(ls -A "${OUT%/*}")" = speech ]
        [ "$(asked "\"response_format\":\"$format\"")" -eq 1 ]
    done
    head -c 4 "$OUT" | od -An -tx1 | grep -q '00 00 00 00'
}

@test "the request is as the API wants it" {
    export OPENAI_ORG_ID=org-abc OPENAI_PROJECT_ID=proj_def
    speak good --voice nova --speed 1.1 --format opus
    exits 0
    [ "$(asked '^POST /good/v1/audio/speech HTTP/1.1')" -eq 1 ]
    [ "$(asked "^Authorization: Bearer $KEY.\$")" -eq 1 ]
    [ "$(asked '^Content-Type: application/json.$')" -eq 1 ]
    [ "$(asked '^OpenAI-Organization: org-abc.$')" -eq 1 ]
    [ "$(asked '^OpenAI-Project: proj_def.$')" -eq 1 ]
    [ "$(asked '^Expect')" -eq 0 ]
    grep -qxF '{"model":"tts-1","input":"Hello there, \"friend\"","voice":"nova","response_format":"opus","speed":1.1}' "$REQUESTS"
    # The older names of the same, and no speed where it is the usual one.
    rm "$OUT"
    unset OPENAI_ORG_ID OPENAI_PROJECT_ID
    export OPENAI_ORGANIZATION=org-old OPENAI_PROJECT=proj-old
    speak good --model tts-1-hd
    exits 0
    [ "$(asked '^OpenAI-Organization: org-old')" -eq 1 ]
    [ "$(asked '^OpenAI-Project: proj-old')" -eq 1 ]
    grep -qxF '{"model":"tts-1-hd","input":"Hello there, \"friend\"","voice":"alloy","response_format":"mp3"}' "$REQUESTS"
}

@test "a file that is there is kept, unless it may be replaced" {
    mkdir -p "$BATS_TEST_TMPDIR/out"
    echo mine >"$BATS_TEST_TMPDIR/out/speech"
    speak good
    said exists "exists already"
    [ "$(cat "$OUT")" = mine ]
    [ "$(asked POST)" -eq 0 ]
    speak status:500 --replace --attempts 1
    [ "$(cat "$OUT")" = mine ]
    speak good --replace
    said ok
    [ "$(wc -c <"$OUT")" -eq 48064 ]
    rm "$OUT"
    mkdir "$OUT"
    speak good --replace
    said exists "not a regular file"
    server good
    run "$DRIVER" speak "$BATS_TEST_TMPDIR/nowhere/speech" text
    said not-found nowhere
    [ "$(asked POST)" -eq 2 ]
}

@test "text, voice, speed and model are checked before anything is paid for" {
    speak good
    rm "$OUT"
    : >"$REQUESTS"
    for text in '' '   ' $'\t\n' $'\x01\x02\x7f' $'\xc2\x85\xc2\xa0'; do
        run "$DRIVER" speak "$OUT" "$text"
        said usage "there is no text to speak" "at least one word"
    done
    run "$DRIVER" speak "$OUT" $'caf\xe9'
    said usage "not valid UTF-8"
    head -c 1000000 /dev/zero | tr '\0' 'a' >"$BATS_TEST_TMPDIR/long"
    run "$DRIVER" speak "$OUT" "@$BATS_TEST_TMPDIR/long"
    said usage "has 1000000 characters; a request takes 4096" "split it"
    head -c 4097 /dev/zero | tr '\0' 'a' >"$BATS_TEST_TMPDIR/long"
    run "$DRIVER" speak "$OUT" "@$BATS_TEST_TMPDIR/long"
    said usage "has 4097 characters"
    for speed in 0.2 4.1 -1 nan inf; do
        run "$DRIVER" --speed $speed speak "$OUT" text
        said usage "it is from 0.25 to 4"
    done
    run "$DRIVER" --voice $'al\nloy' speak "$OUT" text
    said usage "not a voice's name"
    run "$DRIVER" --model 'tts 1' speak "$OUT" text
    said usage "not a model's name"
    # The voices of OpenAI's own server are known; nothing goes there for it.
    OPENAI_BASE_URL=https://api.openai.com/v1 run "$DRIVER" --voice aloy speak "$OUT" text
    said usage "tts-1 has no voice aloy; did you mean alloy?" "shimmer"
    nothing_left
    [ "$(asked POST)" -eq 0 ]
    # 4,096 characters are right, of four bytes each, too.
    printf '\360\237\230\200%.0s' $(seq 1 4096) >"$BATS_TEST_TMPDIR/long"
    run "$DRIVER" speak "$OUT" "@$BATS_TEST_TMPDIR/long"
    said ok
}

@test "each refusal says what it is and what to do" {
    speak status:400
    said usage "400" "invalid_value" "Invalid 'voice'" "[request req_test]" "change what"
    nothing_left
    speak wrong-key
    said auth "not accepted (401, invalid_api_key)" "from OPENAI_API_KEY is wrong" "[key]"
    speak status:403
    said auth "403" "does not serve the country"
    speak status:404
    said not-found "404" "does not exist or you" "OPENAI_BASE_URL must name"
    speak quota
    said server "quota is used up" "add credit"
    speak late
    said server "too many requests" "try again in 2 h 00 min"
    lacks "wait "
    speak status:407
    said network "proxy wants a name" "no idea"
    lacks "second line"
    speak status:418
    said server "418" "check OPENAI_BASE_URL"
    nothing_left
    [ "$(asked POST)" -eq 8 ]
}

@test "what may pass is tried again, and not for ever" {
    speak rate:1
    exits 0
    said ok "wait 1000 " "too many requests" "attempts 2"
    rm "$OUT"
    speak flaky:1
    exits 0
    said ok "502" "attempts 2"
    rm "$OUT"
    speak gone:1
    exits 0
    said ok "attempts 2"
    rm "$OUT"
    speak status:503 --attempts 2
    said server "after 2 attempts" "503" "overloaded" "log of the server"
    nothing_left
    [ "$(asked 'POST /status:503/')" -eq 2 ]
    speak gone:0 --attempts 2
    said network "after 2 attempts" "connection broke" "run it again"
    # A wait past the deadline is not begun.
    speak rate:9 --deadline 900
    said server "too many requests" "try again in 1.0 s"
    lacks "wait "
    [ "$(asked 'POST /rate:9/')" -eq 1 ]
}

@test "a page, a login or words in place of audio are named" {
    speak html
    said server 'an HTML page came in place of audio (200, "Attention!")' "OPENAI_BASE_URL"
    speak html:403
    said server 'an HTML page came in place of audio (403, "Attention!")'
    speak login
    said network "a login page" "Hotel WiFi" "log in first"
    speak json
    said server "an error came in place of audio" "the voice is ill"
    speak text
    said server "text came in place of audio" "not today"
    speak empty
    said server "mp3 was asked for, and nothing came"
    speak other --format wav
    said format "wav was asked for, and FLAC came" "take another"
    speak noise
    said format "something that is no audio"
    speak gzip
    said server compressed
    nothing_left
    [ "$(asked POST)" -eq 9 ]
}

@test "audio that breaks off, stalls or never ends is thrown away" {
    for how in broken broken:1 short; do
        speak $how
        said network "paid for again" "broke after"
        nothing_left
    done
    speak stall
    said network "sent nothing for 700 ms" "paid for again"
    speak silent
    said network "did not answer for 700 ms" "run it again"
    speak drip --format pcm --deadline 900
    said network "not done after 900 ms"
    speak endless --most 300000
    said limit "more than 300 kB of audio"
    nothing_left
    # Each was asked for once: it would have been paid for again.
    [ "$(asked POST)" -eq 7 ]
}

@test "an error's words may be cut or endless" {
    speak cut
    said auth "401" "is wrong"
    speak babble
    said usage "400" "blah blah"
    contains "seconds 0"
    nothing_left
}

@test "a redirect is not followed, and the key stays" {
    for code in 301 302 303 307 308; do
        speak redirect:$code
        said server "redirected to http://localhost:$PORT ($code); the key does not follow"
        lacks "?key"
    done
    check redirect:308
    said server "does not follow"
    [ "$(asked ' /good/')" -eq 0 ]
}

@test "the HTTP client never follows the redirect of a POST" {
    run "$DRIVER" post "http://127.0.0.1:$PORT/redirect:307/v1/audio/speech"
    said ok "http 307 redirects 0"
    [ "$(asked ' /good/')" -eq 0 ]
    [ "$(asked '^X-Own: line.$')" -eq 1 ]
    [ "$(asked '^body$')" -eq 1 ]
}

@test "a disk that takes no more leaves nothing behind" {
    OUT=$BATS_TEST_TMPDIR/out/speech
    mkdir "${OUT%/*}"
    server good
    run bash -c "ulimit -f 10; trap '' XFSZ; exec \"\$0\" speak \"\$1\" text" "$DRIVER" "$OUT"
    said io "writing $OUT"
    nothing_left
    chmod 755 "${OUT%/*}"
    run as_user "$DRIVER" speak "$OUT" text
    said io "writing $OUT" "Permission denied"
    nothing_left
    [ "$(asked POST)" -eq 1 ]
}

@test "the key goes over https or to this machine only" {
    OPENAI_BASE_URL=http://speech.example/v1 run "$DRIVER" check
    said usage "over https only, or to this machine"
    for url in ftp://x https://user:secret@x/ 'https://x/v1?q' $'https://x/\nv1' x; do
        OPENAI_BASE_URL=$url run "$DRIVER" check
        said usage "OPENAI_BASE_URL cannot be used"
        lacks secret
    done
    # A proxy has no business with what goes to this machine.
    server good
    http_proxy=http://127.0.0.1:9 run "$DRIVER" check
    said ok
    OPENAI_ORG_ID=$'org\r\nX-Evil: 1' run "$DRIVER" check
    said usage "OPENAI_ORG_ID holds something that is no identifier"
    OPENAI_PROJECT='a b' run "$DRIVER" check
    said usage "OPENAI_PROJECT holds"
    [ "$(asked Evil)" -eq 0 ]
    OPENAI_BASE_URL=http://127.0.0.1:9/v1 run "$DRIVER" check
    said network "no connection"
}

@test "a key is checked by a free request" {
    check good
    exits 0
    said ok
    [ "$(asked '^GET /good/v1/models/tts-1 HTTP')" -eq 1 ]
    [ "$(asked POST)" -eq 0 ]
    check wrong-key
    said auth "not accepted" "wants a key of its own"
    check status:403
    said auth "403"
    check status:404
    said not-found "404" "tts-1"
    check html
    said server "an HTML page came in place of an answer"
    check login
    said network "a login page"
    check json
    said server "an error came in place of an answer"
    check text
    said server "text came in place of an answer"
    check empty
    said server
    check rate:1
    said ok
    run "$DRIVER" check 'x/../../y'
    [ "$(asked '/models/x%2F..%2F..%2Fy')" -eq 1 ]
}

@test "a server that repeats the key does not bring it into any text" {
    for code in 400 401 403 404 429 500 200; do
        speak echo:$code --attempts 2
        exits 1
        contains "[key]"
        check echo:$code --attempts 1
        exits 1
        # No bell and no colours either.
        [[ $output != *$'\x1b'* && $output != *$'\x07'* ]]
    done
}

@test "the key's file must be closed to others" {
    local file=$BATS_TEST_TMPDIR/key

    unset OPENAI_API_KEY
    printf '  %s\r\n\n' "$KEY" >"$file"
    export OPENAI_API_KEY_FILE=$file
    chmod 600 "$file"
    check good
    said ok
    [ "$(asked "^Authorization: Bearer $KEY.\$")" -eq 1 ]
    for mode in 640 604 620 602 611; do
        chmod $mode "$file"
        check good
        said auth "others can read or change" "(mode 0$mode)" "chmod 600 '$file'"
    done
    chmod 400 "$file"
    check good
    said ok
    printf 'two words' >"$file.2"
    printf '' >"$file.3"
    head -c 5000 /dev/zero | tr '\0' x >"$file.4"
    head -c 2000 /dev/zero | tr '\0' x >"$file.5"
    printf 'a\0b' >"$file.6"
    chmod 600 "$file".*
    for n in 2 6; do
        OPENAI_API_KEY_FILE=$file.$n check good
        said auth "something that is no key"
        lacks words
    done
    OPENAI_API_KEY_FILE=$file.3 check good
    said auth "holds nothing"
    OPENAI_API_KEY_FILE=$file.4 check good
    said auth "larger than 4096 bytes"
    OPENAI_API_KEY_FILE=$file.5 check good
    said auth "2000 bytes, more than a key has"
    OPENAI_API_KEY_FILE=$file.9 check good
    said auth "named by OPENAI_API_KEY_FILE" "No such file"
    OPENAI_API_KEY_FILE=$BATS_TEST_TMPDIR check good
    said auth "not a regular file"
    unset OPENAI_API_KEY_FILE
    check good
    said not-found "OPENAI_API_KEY is not set" "OPENAI_API_KEY_FILE"
    [ "$(asked GET)" -eq 2 ]
}

@test "a file of another user is refused" {
    local file=$BATS_TEST_TMPDIR/key

    [ "$(id -u)" -eq 0 ] || skip "only root can give a file away"
    unset OPENAI_API_KEY
    printf '%s' "$KEY" >"$file"
    chmod 600 "$file"
    chown 65534 "$file"
    OPENAI_API_KEY_FILE=$file check good
    said auth "belongs to another user"
}

@test "a header cannot be made out of a key" {
    OPENAI_API_KEY=$'sk-x\r\nX-Evil: 1' check good
    said auth "OPENAI_API_KEY holds something that is no key"
    lacks Evil
    [ "$(asked GET)" -eq 0 ]
}

@test "the process list never shows the key" {
    local pid

    server silent
    "$DRIVER" --stall 5000 speak "$BATS_TEST_TMPDIR/speech" text >"$BATS_TEST_TMPDIR/said" 3>&- &
    pid=$!
    for i in $(seq 1 100); do
        [ "$(asked POST)" -eq 1 ] && break
        sleep 0.02
    done
    [ "$(asked POST)" -eq 1 ]
    run ps -o args= -p "$pid"
    contains speech_driver
    keeps_the_key
    [ ! -r "/proc/$pid/cmdline" ] || ! grep -q "$KEY" "/proc/$pid/cmdline"
    kill "$pid"
    wait "$pid" || true
    run cat "$BATS_TEST_TMPDIR/said"
    said cancelled stopped
    [ ! -e "$BATS_TEST_TMPDIR/speech" ]
    if ls -A "$BATS_TEST_TMPDIR" | grep -q tmp-; then return 1; fi
}
