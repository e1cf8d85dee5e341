# bash completion of vanta; made by: vanta completion bash
# shellcheck shell=bash disable=SC2207

# @commands

_vanta_operands() {
    case $1 in
    # @operands
    esac
}

# The first column of the first table, without what is no id: compgen expands its words.
_vanta_ids() {
    vanta "$@" 2>/dev/null |
        awk 'NF == 0 { exit } NR > 2 && $1 ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ { print $1 }'
}

_vanta_profiles() {
    vanta catalog list 2>/dev/null |
        awk 'on && $1 ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ { print $1 } /^PROFILE/ { on = 1 }'
}

# _vanta_offer "WORD..." CURRENT: each word, or what an @word stands for.
_vanta_offer() {
    local word list='' start='' IFS=$' \t\n'

    for word in $1; do
        case $word in
        @ids) list+=" $(_vanta_ids list)" ;;
        @catalog) list+=" $(_vanta_ids catalog list)" ;;
        @profiles) list+=" $(_vanta_profiles)" ;;
        @types) list+=' whisper llm embedding tts' ;;
        @files | @dirs) compopt -o filenames 2>/dev/null ;;
        *) list+=" $word" ;;
        esac
    done
    # Behind a comma the next name of a list begins.
    [[ $2 != *,* ]] || start=${2%,*},
    COMPREPLY=($(compgen -P "$start" -W "$list" -- "${2##*,}"))
    IFS=$'\n'
    case $1 in
    *@files*) COMPREPLY+=($(compgen -f -- "$2")) ;;
    *@dirs*) COMPREPLY+=($(compgen -d -- "$2")) ;;
    esac
}

_vanta() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' options takes

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "$_vanta_commands --help --version" -- "$current"))
        return
    fi
    # bash makes "=" a word of its own.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    command=${COMP_WORDS[1]}
    [[ " $_vanta_commands " == *" $command "* ]] || return
    options=$(vanta "$command" --print-options 2>/dev/null)
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--help $(cut -f 1 <<<"$options")" -- "$current"))
        return
    fi
    takes=$(awk -F '\t' -v name="$previous" '$1 == name { print $2 }' <<<"$options")
    case $previous=$takes in
    *=) _vanta_offer "$(_vanta_operands "$command")" "$current" ;;
    --type=WEIGHTS) _vanta_offer 'f32 f16 q8_0' "$current" ;;
    --to=*) _vanta_offer 'whisper-ggml gguf' "$current" ;;
    --type=*) _vanta_offer @types "$current" ;;
    --profile=*) _vanta_offer @profiles "$current" ;;
    --format=*) _vanta_offer 'mp3 opus aac flac wav pcm' "$current" ;;
    --voice=*) _vanta_offer 'alloy ash coral echo fable onyx nova sage shimmer' "$current" ;;
    --source=*) _vanta_offer 'hub packages web files mirror' "$current" ;;
    --models=*) _vanta_offer @catalog "$current" ;;
    *=*FILE* | *=PATH*) _vanta_offer @files "$current" ;;
    *=*DIR*) _vanta_offer @dirs "$current" ;;
    esac
}

complete -F _vanta vanta
