# fish completion of vanta; made by: vanta completion fish

function __vanta_operands
    switch $argv[1]
        # @operands
    end
end

# The first column of the first table.
function __vanta_ids
    vanta $argv 2>/dev/null | awk 'NF == 0 { exit } NR > 2 && $1 ~ /^[A-Za-z0-9][A-Za-z0-9._-]*$/ { print $1 }'
end

# Each word, or what an @word stands for.
function __vanta_offer
    for word in $argv
        switch $word
            case @ids
                __vanta_ids list
            case @catalog
                __vanta_ids catalog list
            case @profiles
                vanta catalog list 2>/dev/null | awk 'on && $1 ~ /^[A-Za-z0-9]/ { print $1 } /^PROFILE/ { on = 1 }'
            case @types
                printf '%s\n' whisper llm embedding tts
            case @files
                __fish_complete_path (commandline -ct)
            case @dirs
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $word
        end
    end
end

function __vanta_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l previous $words[-1]
    set -l command $words[2]
    set -l start
    set -l takes

    if string match -qr -- '^--[a-z-]+=' $current
        set start (string match -r -- '^--[a-z-]+=' $current)
        set previous (string trim -rc = -- $start)
    else if string match -q -- '-*' $current
        vanta $command --print-options 2>/dev/null | string replace -r '\t.*\t' '\t'
        return
    end
    vanta $command --print-options 2>/dev/null | while read -d \t -l name value help
        test "$name" = "$previous"; and set takes $value
    end
    # Behind a comma the next name of a list begins.
    set -a start (string match -r -- '^[^=]*,' (string replace -r -- '^--[a-z-]+=' '' $current))
    set start (string join -- '' $start)
    begin
        switch "$previous=$takes"
            case '*='
                __vanta_offer (__vanta_operands $command)
            case '--type=WEIGHTS'
                __vanta_offer f32 f16 q8_0
            case '--to=*'
                __vanta_offer whisper-ggml gguf
            case '--type=*'
                __vanta_offer @types
            case '--profile=*'
                __vanta_offer @profiles
            case '--format=*'
                __vanta_offer mp3 opus aac flac wav pcm
            case '--voice=*'
                __vanta_offer alloy ash coral echo fable onyx nova sage shimmer
            case '--source=*'
                __vanta_offer hub packages web files mirror
            case '--models=*'
                __vanta_offer @catalog
            case '*=*FILE*' '*=PATH*'
                __vanta_offer @files
            case '*=*DIR*'
                __vanta_offer @dirs
        end
    end | while read -l word
        echo "$start$word"
    end
end

complete -c vanta -f
# @commands
complete -c vanta -n 'not __fish_use_subcommand' -a '(__vanta_complete)'
