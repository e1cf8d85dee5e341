"""Makes good and broken catalogs, and compares what the JSON Schema and vanta say.

usage: catalog_schema.py VANTA SCHEMA FOLDER
Each case states what both must say: "good"; "broken" (both refuse); "unresolved" (right
as a document, so that the schema accepts it, but refused by vanta).
"""
import copy
import json
import os
import subprocess
import sys

import jsonschema

SHA = "0123456789abcdef" * 4
INTEGRITY = "sha512-" + "A" * 86 + "=="
FILE = {"path": "x.gguf", "size_bytes": 10, "sha256": SHA, "magic": "gguf",
        "evidence": {"size_bytes": "single", "sha256": "confirmed"},
        "sources": ["hf:o/r@main/x.gguf", "https://host.test/x.gguf",
                    {"parts": ["pkg:pypi/a-b@1.0#x/1", "pkg:pypi/a-b@1.0#x/2"],
                     "inner": "a/x.gguf"}]}
BASE = {
    "$schema": "schema.json", "format": "vanta-catalog", "version": 1,
    "licenses": [{"id": "L", "name": "L", "summary": "s", "must_accept": True,
                  "may_redistribute": False,
                  "text": {"path": "LICENSE", "sources": ["https://host.test/LICENSE"]}}],
    "packages": [{"index": "pypi", "name": "a-b", "version": "1.0", "sha256": SHA},
                 {"index": "npm", "name": "@s/n", "version": "1.0", "size_bytes": 5,
                  "integrity": INTEGRITY}],
    "models": [
        {"id": "x", "name": "X", "description": "d", "note": "n", "type": "llm",
         "version": "1", "format": "gguf", "quantization": "Q4_K_M", "parameters": "1B",
         "upstream": "https://host.test/", "aliases": ["y"], "license": "L",
         "hardware": {"min_ram": "4GB", "memory_bytes": 100, "gpu_recommended": False,
                      "metal_supported": True},
         "test": {"kind": "questions", "any": [1, {"a": None}]}, "files": [FILE],
         "preparations": [{"id": "fetch", "version": 1, "kind": "fetch"}]},
        {"id": "w", "name": "W", "type": "whisper", "version": "1", "license": "MIT",
         "format": "whisper-ggml", "hardware": {"min_ram": "4GB", "memory_bytes": 1},
         "files": [{"path": "w.bin", "sha256": SHA}],
         "preparations": [{"id": "c", "version": 2, "kind": "ct2-whisper",
                           "output": "w.bin",
                           "inputs": [dict(FILE, path="model.bin"),
                                      dict(FILE, path="config.json")]}]},
        {"id": "api", "name": "A", "type": "tts", "version": "1", "format": "api",
         "license": "OpenAI-API", "hardware": {"min_ram": "1GB"},
         "api": {"provider": "openai", "key_variable": "K_1", "voices": ["a b"]}}],
    "profiles": [{"name": "p", "description": "d", "extends": ["lite"],
                  "slots": [{"type": "llm", "models": ["x", "phi-2"]}]}],
}
GONE = object()
X, W, A = "models/0", "models/1", "models/2"
F = X + "/files/0"
C = W + "/preparations/0"

# (verdict, pointer, new value)
CASES = [
    ("unresolved", "models", []), ("good", "licenses/0/url", "https://host.test/l"),
    ("good", X + "/preparations", GONE), ("good", X + "/test", GONE),
    ("good", F + "/evidence", GONE), ("good", F + "/size_bytes", 0),
    ("good", F + "/size_bytes", 1 << 44), ("good", F + "/path", "a/b c/x..gguf"),
    ("good", "profiles/0/slots", GONE), ("good", "profiles/0/slots", []),
    ("good", A + "/api/voices", GONE), ("good", X + "/override", True),
    ("good", X + "/name", "Ein Modell \u00e4\u00f6\u00fc \u6a21"),
    ("good", "packages/1/sha256", SHA),
    ("broken", "format", "catalog"), ("broken", "version", 2), ("broken", "format", GONE),
    ("broken", "extra", 1), ("broken", "models", {}), ("broken", "models/0", "x"),
    ("broken", X + "/id", "../x"), ("broken", X + "/id", ""), ("broken", X + "/id", 5),
    ("broken", X + "/id", "a" * 65), ("broken", X + "/id", GONE),
    ("broken", X + "/name", "a" * 201), ("broken", X + "/name", "a\u001b[0m"),
    ("broken", X + "/name", "a\u202eb"), ("broken", X + "/name", None),
    ("broken", X + "/description", ""), ("broken", X + "/note", "a" * 2001),
    ("broken", X + "/type", "video"), ("broken", X + "/version", "1 2"),
    ("broken", X + "/format", "onnx"), ("broken", X + "/quantization", None),
    ("broken", X + "/parameters", "1" * 33), ("broken", X + "/upstream", "http://h.test/"),
    ("broken", X + "/aliases", ["a/b"]), ("broken", X + "/aliases", ["a"] * 65),
    ("broken", X + "/license", GONE), ("broken", X + "/hardware", GONE),
    ("broken", X + "/hardware/min_ram", "8 GB"), ("broken", X + "/hardware/min_ram", "0GB"),
    ("broken", X + "/hardware/memory_bytes", GONE),
    ("broken", X + "/hardware/memory_bytes", -1), ("broken", X + "/hardware/cpu", 1),
    ("broken", X + "/test", []), ("broken", X + "/test/kind", GONE),
    ("broken", X + "/api", {"provider": "openai", "key_variable": "K"}),
    ("broken", X + "/override", "yes"), ("broken", X + "/files", []),
    ("broken", X + "/files", GONE), ("broken", F + "/path", GONE),
    ("broken", F + "/path", "../x"), ("broken", F + "/path", "a/../../x"),
    ("broken", F + "/path", "/x"), ("broken", F + "/path", "a//x"),
    ("broken", F + "/path", "a/"), ("broken", F + "/path", "a\\x"),
    ("broken", F + "/path", ".x"), ("broken", F + "/path", "a/.x"),
    ("broken", F + "/path", "a\u0007"), ("broken", F + "/size_bytes", -1),
    ("broken", F + "/size_bytes", (1 << 44) + 1), ("broken", F + "/size_bytes", 1.5),
    ("broken", F + "/size_bytes", "10"), ("broken", F + "/size_bytes", GONE),
    ("broken", F + "/sha256", "abc"), ("broken", F + "/sha256", SHA.upper()),
    ("broken", F + "/sha256", None), ("broken", F + "/magic", "elf"),
    ("broken", F + "/evidence/sha256", "unknown"), ("broken", F + "/evidence/path", "single"),
    ("broken", F + "/mode", "0755"), ("broken", F + "/sources", []),
    ("broken", F + "/sources", ["x"] * 17), ("broken", F + "/sources/0", 5),
    ("broken", F + "/sources/0", "ftp://h.test/x"),
    ("broken", F + "/sources/0", "http://h.test/x"), ("broken", F + "/sources/0", "hf:o/r/x"),
    ("broken", F + "/sources/0", "pkg:pypi/a-b#x"), ("broken", F + "/sources/0", "pkg:apt/a@1#x"),
    ("broken", F + "/sources/2/parts", []), ("broken", F + "/sources/2/parts", [1]),
    ("broken", F + "/sources/2/inner", 1), ("broken", F + "/sources/2/key", "x"),
    ("broken", X + "/preparations", []), ("broken", X + "/preparations/0/kind", "shell"),
    ("broken", X + "/preparations/0/version", 0), ("broken", X + "/preparations/0/id", GONE),
    ("broken", X + "/preparations/0/output", "x.gguf"), ("broken", C + "/output", GONE),
    ("broken", C + "/inputs", GONE), ("broken", C + "/inputs/0/sources", GONE),
    ("broken", C + "/inputs/0/path", "weights.bin"), ("broken", C + "/command", "sh"),
    ("broken", A + "/api", GONE), ("broken", A + "/api/provider", "other"),
    ("broken", A + "/api/key_variable", "lower"), ("broken", A + "/api/url", "https://h.test"),
    ("broken", A + "/files", [FILE]), ("broken", A + "/quantization", "q"),
    ("broken", "licenses/0/text", GONE), ("broken", "licenses/0/summary", GONE),
    ("broken", "licenses/0/text/sources", GONE), ("broken", "licenses/0/url", "http://h.test"),
    ("broken", "licenses/0/name", GONE), ("broken", "licenses/0/must_accept", 1),
    ("broken", "packages/0/sha256", GONE), ("broken", "packages/0/index", "cpan"),
    ("broken", "packages/0/name", "A_b"), ("broken", "packages/0/name", "-r"),
    ("broken", "packages/0/version", "1 --pre"), ("broken", "packages/0/integrity", INTEGRITY),
    ("broken", "packages/0/size_bytes", 0), ("broken", "packages/1/integrity", GONE),
    ("broken", "packages/1/integrity", "sha512-x"), ("broken", "packages/1/name", "@a/b/c"),
    ("broken", "profiles/0/name", "a b"), ("broken", "profiles/0/description", GONE),
    ("broken", "profiles/0/extends", "lite"), ("broken", "profiles/0/slots/0/type", "x"),
    ("broken", "profiles/0/slots/0/models", []), ("broken", "profiles/0/slots/0/models", ["/"]),
    ("broken", "profiles/0/slots/0/default", "x"), ("broken", "profiles/0/models", ["x"]),
    ("unresolved", X + "/id", "phi-2"), ("unresolved", X + "/aliases", ["phi-2"]),
    ("unresolved", X + "/aliases", ["X"]), ("unresolved", X + "/license", "none"),
    ("unresolved", F + "/sources/0", "pkg:pypi/c@1#x"),
    ("unresolved", F + "/sources/0", "hf:o/r@main/../x"),
    ("unresolved", X + "/files", [FILE, dict(FILE, path="X.gguf")]),
    ("unresolved", X + "/files", [FILE, dict(FILE, path="x.gguf/y")]),
    ("unresolved", X + "/files/0/sources", GONE), ("unresolved", C + "/output", "other"),
    ("unresolved", "licenses/0/id", "MIT"), ("unresolved", "packages/0/version", "2.0"),
    ("unresolved", "profiles/0/name", "lite"), ("unresolved", "profiles/0/extends", ["p"]),
    ("unresolved", "profiles/0/extends", ["none"]),
    ("unresolved", "profiles/0/slots/0/models", ["none"]),
    ("unresolved", "profiles/0/slots/0/models", ["tts-1"]),
    ("unresolved", "models/1/id", "X"),
]


def changed(pointer, value):
    document = copy.deepcopy(BASE)
    *way, last = [int(k) if k.isdigit() else k for k in pointer.split("/")]
    at = document
    for key in way:
        at = at[key]
    if value is GONE:
        del at[last]
    else:
        at[last] = value
    return document


def main():
    vanta, schema_path, folder = sys.argv[1:]
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    cases = [("good", "as it is", BASE)]
    cases += [(verdict, "%s = %.60r" % (pointer, "(gone)" if value is GONE else value),
               changed(pointer, value)) for verdict, pointer, value in CASES]
    for name in sorted(os.listdir(os.path.dirname(schema_path))):
        if name != "schema.json":
            with open(os.path.join(os.path.dirname(schema_path), name), encoding="utf-8") as f:
                cases.append(("good", name, json.load(f)))
    files = []
    for i, (_, _, document) in enumerate(cases):
        files.append(os.path.join(folder, "%03d.json" % i))
        with open(files[-1], "w", encoding="utf-8") as file:
            json.dump(document, file)
    run = subprocess.run([vanta, "catalog", "check", "--json", *files],
                         stdout=subprocess.PIPE, check=False)
    results = json.loads(run.stdout)["files"]
    assert run.returncode == 1 and len(results) == len(cases), run
    wrong = 0
    for (verdict, name, document), result in zip(cases, results):
        by_schema = validator.is_valid(document)
        expected = {"good": (True, True), "broken": (False, False),
                    "unresolved": (True, False)}[verdict]
        if (by_schema, result["ok"]) != expected:
            wrong += 1
            print("%s: %s: schema %s, vanta %s: %s" % (
                verdict, name, by_schema, result["ok"], result.get("error")))
    print("%d cases, %d wrong" % (len(cases), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
