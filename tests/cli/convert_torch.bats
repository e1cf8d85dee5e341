# vanta convert of PyTorch's checkpoints: to safetensors, and folders of XTTS-v2 to GGUF.
load ../helpers

setup() {
    fresh_home
    "$VANTA_BINARY_DIR/tests/make_xtts" small xtts
    data=$VANTA_SOURCE_DIR/tests/data/xtts
}

convert() {
    run --separate-stderr "$VANTA" convert "$@"
}

@test "a folder of XTTS-v2; q8_0 is the default" {
    convert xtts --to xtts-gguf -o out.gguf
    exits 0
    [ "$output" = "$(digest_of out.gguf)  out.gguf" ]
    convert xtts --to xtts-gguf --type q8_0 -o same.gguf
    cmp out.gguf same.gguf
    for type in f16 f32; do
        convert xtts --to xtts-gguf --type "$type" -o "$type.gguf"
        exits 0
    done
    [ "$(wc -c <out.gguf)" -lt "$(wc -c <f32.gguf)" ]
    [ "$(wc -c <f16.gguf)" -lt "$(wc -c <f32.gguf)" ]
    run "$VANTA" info ./out.gguf
    contains xtts
    contains Q8_0
}

@test "a checkpoint to safetensors" {
    convert "$data/mock_model.pth" --to safetensors -o model.safetensors
    exits 0
    run "$VANTA" info model.safetensors
    exits 0
    contains "tensors        6"
    convert "$data/mock_speakers.pth" --to safetensors -o speakers.safetensors --json
    exits 0
    [[ $output == *"$(digest_of speakers.safetensors)"* ]]
    convert "$data/mock_model.pth" --to safetensors -o model.safetensors
    exits 3
    convert "$data/mock_model.pth" --to safetensors --type f16 -o other
    exits 2
    [ ! -e other ]
}

@test "what is no such checkpoint says why" {
    convert "$data/mock_legacy.pth" --to safetensors -o out
    exits 3
    [[ $stderr == *"the old container of PyTorch"* ]]
    python3 - xtts/model.pth <<'END'
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
with zipfile.ZipFile("packed.pth", "w", zipfile.ZIP_DEFLATED) as out:
    for name in z.namelist():
        out.writestr(name, z.read(name))
END
    convert packed.pth --to safetensors -o out
    exits 3
    [[ $stderr == *"is compressed"* ]]
    head -c 100000 xtts/model.pth >cut.pth
    convert cut.pth --to safetensors -o out
    exits 3
    [[ $stderr == *"cut short"* ]]
    convert xtts/config.json --to safetensors -o out
    exits 3
    convert nothing.pth --to safetensors -o out
    exits 3
    [ ! -e out ]
}

@test "a folder that lacks something says what" {
    rm xtts/vocab.json
    convert xtts --to xtts-gguf -o out
    exits 3
    [[ $stderr == *"vocab.json"* && $stderr == *"speakers_xtts.pth"* ]]
    [ ! -e out ]
}

@test "info shows what a checkpoint holds" {
    run "$VANTA" info "$data/mock_model.pth"
    exits 0
    contains "vanta convert FOLDER --to xtts-gguf -o OUT"
    contains "format         torch"
    contains "tensors        6"
    contains "parameters     11347"
    contains "  f32   gpt.mel_head.bias  [1026]"
    contains "  i64   hifigan_decoder.speaker_encoder.bn1.num_batches_tracked  []"
    lacks DANGER
    run "$VANTA" info "$data/mock_speakers.pth" --json
    exits 0
    [ "$(python3 -c 'import json, sys
c = json.loads(sys.argv[1])["checkpoint"]
print(len(c["tensors"]), c["tensors"][0]["name"], c["tensors"][0]["shape"], c["refused"])' "$output")" \
        = "4 Claribel Dervla.gpt_cond_latent [1, 32, 1024] []" ]
    run "$VANTA" info "$data/mock_legacy.pth"
    exits 0
    contains "the old container of PyTorch"
    run "$VANTA" info "$data/mock_legacy.pth" --json
    contains "the old container of PyTorch"
}

@test "a pickle that asks for more than a model needs: named, not run" {
    python3 - <<'END'
import os, pickle, zipfile
class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)
with zipfile.ZipFile("harm.pth", "w") as z:
    z.writestr("harm/data.pkl", pickle.dumps({"model": {}, "x": Harm()}, 2))
END
    run "$VANTA" info ./harm.pth
    exits 0
    contains "DANGER"
    contains "posix.system"
    run "$VANTA" info ./harm.pth --json
    contains '"posix.system"'
    convert harm.pth --to safetensors -o out
    exits 3
    [[ $stderr == *"posix.system"*"nothing of it was run"* ]]
    [ ! -e out ] && [ ! -e harmed ]
}
