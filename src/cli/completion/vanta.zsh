#compdef vanta
# zsh completion of vanta; made by: vanta completion zsh

typeset -ga _vanta_commands=(
# @commands
)

_vanta_operands() {
    case $1 in
    # @operands
    esac
}

# The first column of the first table.
_vanta_ids() {
    vanta "$@" 2>/dev/null |
        awk 'NF == 0 { exit } NR > 2 && $1 ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ { print $1 }'
}

_vanta_profiles() {
    vanta catalog list 2>/dev/null |
        awk 'on && $1 ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ { print $1 } /^PROFILE/ { on = 1 }'
}

# _vanta_offer "WORD...": each word, or what an @word stands for.
_vanta_offer() {
    local word

    # Behind a comma the next name of a list begins.
    compset -P '*,'
    for word in ${=1}; do
        case $word in
        @ids) compadd -- ${(f)"$(_vanta_ids list)"} ;;
        @catalog) compadd -- ${(f)"$(_vanta_ids catalog list)"} ;;
        @profiles) compadd -- ${(f)"$(_vanta_profiles)"} ;;
        @types) compadd -- whisper llm embedding tts ;;
        @files) _files ;;
        @dirs) _files -/ ;;
        *) compadd -- $word ;;
        esac
    done
}

_vanta() {
    local command=$words[2] previous=$words[CURRENT-1] line takes=
    local -a options

    if ((CURRENT == 2)); then
        _describe command _vanta_commands
        return
    fi
    [[ -n ${(M)_vanta_commands:#${(b)command}:*} ]] || return 1
    # --name=value: the value is completed as behind a blank.
    if compset -P 1 '--[a-z-]##='; then
        previous=${IPREFIX%=}
    fi
    for line in ${(f)"$(vanta $command --print-options 2>/dev/null)"}; do
        options+=("${line%%$'\t'*}:${line##*$'\t'}")
        [[ ${line%%$'\t'*} != $previous ]] || takes=${${line#*$'\t'}%%$'\t'*}
    done
    if [[ $PREFIX == -* ]]; then
        _describe option options
        return
    fi
    case $previous=$takes in
    *=) _vanta_offer "$(_vanta_operands $command)" ;;
    --type=WEIGHTS) _vanta_offer 'f32 f16 q8_0' ;;
    --to=*) _vanta_offer 'whisper-ggml gguf' ;;
    --type=*) _vanta_offer @types ;;
    --profile=*) _vanta_offer @profiles ;;
    --format=*) _vanta_offer 'mp3 opus aac flac wav pcm' ;;
    --voice=*) _vanta_offer 'alloy ash coral echo fable onyx nova sage shimmer' ;;
    --source=*) _vanta_offer 'hub packages web files mirror' ;;
    --models=*) _vanta_offer @catalog ;;
    *=*FILE* | *=PATH*) _files ;;
    *=*DIR*) _files -/ ;;
    esac
}

if [[ $funcstack[1] == _vanta ]]; then
    _vanta "$@"
else
    compdef _vanta vanta
fi
