/*
 * fetch_driver.c - calls the download engine from the command line, for the tests.
 *
 *     fetch_driver [OPTION...] PARTIAL_DIR ITEM...
 *     --chunks FILE: the items' chunk digests are those of FILE; --found: tell which ones
 *     were found
 *     ITEM: DEST SHA256 SIZE MAGIC SOURCE     ("-": unknown; sources by spaces, the parts
 *                                              of one source by "|")
 *
 * Events go to stdout, one a line; then one line an item:
 *     item LABEL STATUS moved=N resumed=N used=SOURCE
 *     reused N
 *     error MESSAGE
 *     hint HINT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/path.h"
#include "fetch/fetch.h"

#define ITEMS_MAX 32
#define SOURCES_MAX 8
#define PACKAGES_MAX 16

static atomic_bool cancelled;
static long cancel_at = -1;

static void on_event(void *arg, const struct vanta_fetch_event *e)
{
    static const char *const names[] = {"start", "progress", "notice", "done"};

    (void)arg;
    if (cancel_at >= 0 && e->kind == VANTA_FETCH_PROGRESS && (long)e->bytes >= cancel_at)
        atomic_store(&cancelled, true);
    if (e->kind == VANTA_FETCH_PROGRESS)
        printf("progress %s %llu\n", e->item->label, (unsigned long long)e->bytes);
    else
        printf("%s %s %s\n", names[e->kind],
               e->message ? e->message : e->item->label, e->source ? e->source : "-");
    fflush(stdout);
}

static void on_signal(int number)
{
    (void)number;
    atomic_store(&cancelled, true);
}

static void die(const struct vanta_error *err)
{
    printf("error %s\nhint %s\n", err->message, err->hint);
    exit(2);
}

static struct vanta_chunks known, found[ITEMS_MAX];

static void hash_chunks(const char *path)
{
    static char block[65536];
    struct vanta_chunk_hasher h = {0};
    struct vanta_error err = {0};
    FILE *file = fopen(path, "rb");
    size_t n;

    if (!file || vanta_chunk_hasher_init(&h, -1, &err) != VANTA_OK)
        exit(2);
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        vanta_chunk_hasher_update(&h, block, n);
    fclose(file);
    if (vanta_chunk_hasher_final(&h, &known, &err) != VANTA_OK)
        die(&err);
}

static enum vanta_magic magic_of(const char *name)
{
    static const char *const names[] = {"any", "gguf", "ggml", "safetensors", "zip",
                                        "json"};
    size_t i;

    for (i = 0; i < 6; i++)
        if (strcmp(names[i], name) == 0)
            return (enum vanta_magic)i;
    return VANTA_MAGIC_ANY;
}

/* "A|B!/INNER" is the concatenation of two locators, an archive. */
static void parse_source(char *text, struct vanta_source *out)
{
    struct vanta_error err = {0};
    const char *parts[VANTA_SOURCE_PARTS_MAX], *inner = NULL;
    char *part, *save = NULL, *mark;
    size_t n = 0;

    if (!strchr(text, '|')) {
        if (vanta_source_parse(text, out, &err) != VANTA_OK)
            die(&err);
        return;
    }
    mark = strstr(text, "!/");
    if (mark) {
        *mark = '\0';
        inner = mark + 2;
    }
    for (part = strtok_r(text, "|", &save); part; part = strtok_r(NULL, "|", &save))
        parts[n++] = part;
    if (vanta_source_parse_parts(parts, n, inner, out, &err) != VANTA_OK)
        die(&err);
}

static void parse_item(char **argv, struct vanta_fetch_item *item)
{
    struct vanta_source *sources = calloc(SOURCES_MAX, sizeof *sources);
    char *source, *save = NULL;

    item->dest = argv[0];
    item->label = vanta_path_base(argv[0]);
    item->sha256 = strcmp(argv[1], "-") == 0 ? NULL : argv[1];
    item->size_bytes = strcmp(argv[2], "-") == 0 ? -1 : strtoll(argv[2], NULL, 10);
    item->magic = magic_of(argv[3]);
    for (source = strtok_r(argv[4], " ", &save); source;
         source = strtok_r(NULL, " ", &save))
        parse_source(source, &sources[item->n_sources++]);
    item->sources = sources;
}

/* INDEX:NAME:VERSION:SIZE:DIGEST */
static void parse_package(char *text, struct vanta_package *p)
{
    char *save = NULL;

    p->index = strtok_r(text, ":", &save);
    p->name = strtok_r(NULL, ":", &save);
    p->version = strtok_r(NULL, ":", &save);
    p->size_bytes = strtoll(strtok_r(NULL, ":", &save), NULL, 10);
    if (strcmp(p->index, "npm") == 0)
        p->integrity = strtok_r(NULL, "", &save);
    else
        p->sha256 = strtok_r(NULL, "", &save);
}

static enum vanta_status on_file(void *arg, const char *path, int64_t bytes,
                                 const char *sha256, struct vanta_error *err)
{
    (void)arg;
    (void)err;
    printf("file %s %lld %s\n", path, (long long)bytes, sha256[0] ? sha256 : "-");
    return VANTA_OK;
}

static int list(struct vanta_fetcher *f, const char *repo, const char *revision)
{
    struct vanta_error err = {0};
    char commit[41] = "";

    if (vanta_hub_list(f, repo, revision, commit, on_file, NULL, &err) != VANTA_OK)
        die(&err);
    printf("commit %s\n", commit);
    return 0;
}

static int probe(struct vanta_fetcher *f, char *text)
{
    struct vanta_source source;
    struct vanta_error err = {0};
    int i;

    parse_source(text, &source);
    for (i = 0; i < 2; i++) {
        vanta_error_clear(&err);
        vanta_fetcher_probe(f, &source, &err);
        printf("probe %s %s\n", vanta_status_name(err.status), err.message);
    }
    vanta_source_free(&source);
    return err.status != VANTA_OK;
}

static int report(struct vanta_fetch_item *items, size_t n)
{
    int failed = 0;
    size_t i, k;

    for (i = 0; i < n; i++) {
        char *used = items[i].used ? vanta_source_text(items[i].used) : NULL;

        printf("item %s %s moved=%llu resumed=%llu used=%s\n", items[i].label,
               vanta_status_name(items[i].status),
               (unsigned long long)items[i].moved_bytes,
               (unsigned long long)items[i].resumed_bytes, used ? used : "-");
        if (items[i].reused_bytes > 0)
            printf("reused %llu\n", (unsigned long long)items[i].reused_bytes);
        if (items[i].found_chunks)
            printf("chunks %zu%s\n", found[i].n,
                   known.n == found[i].n && known.n > 0 &&
                           memcmp(known.digests, found[i].digests, 32 * known.n) == 0
                       ? " right"
                       : "");
        vanta_chunks_free(&found[i]);
        if (items[i].status != VANTA_OK)
            printf("error %s\nhint %s\n", items[i].error.message, items[i].error.hint);
        failed |= items[i].status != VANTA_OK;
        free(used);
        for (k = 0; k < items[i].n_sources; k++)
            vanta_source_free((struct vanta_source *)(uintptr_t)&items[i].sources[k]);
        free((void *)(uintptr_t)items[i].sources);
    }
    return failed ? 3 : 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: fetch_driver [OPTION...] PARTIAL_DIR ITEM...\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct vanta_package packages[PACKAGES_MAX];
    static struct vanta_fetch_item items[ITEMS_MAX];
    struct vanta_fetch_options o = {.connect_timeout_ms = 500,
                                    .stall_timeout_ms = 400,
                                    .deadline_ms = 1500,
                                    .listener = on_event,
                                    .cancel = &cancelled};
    struct vanta_error err = {0};
    struct vanta_fetcher *f;
    struct rusage rusage;
    bool patient = false, memory = false, tell_found = false;
    const char *repo = NULL;
    char *probed = NULL;
    size_t n = 0;
    int i, code;

    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    o.packages = packages;
    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *name = argv[i] + 2;

        if (strcmp(name, "patient") == 0)
            patient = true;
        else if (strcmp(name, "offline") == 0)
            o.offline = true;
        else if (strcmp(name, "plain") == 0)
            o.allow_plain_http = true;
        else if (strcmp(name, "memory") == 0)
            memory = true;
        else if (strcmp(name, "found") == 0)
            tell_found = true;
        else if (i + 1 >= argc)
            return usage();
        else if (strcmp(name, "chunks") == 0)
            hash_chunks(argv[++i]);
        else if (strcmp(name, "connections") == 0)
            o.connections = (unsigned)atoi(argv[++i]);
        else if (strcmp(name, "limit-rate") == 0)
            o.limit_rate_bytes = atol(argv[++i]);
        else if (strcmp(name, "jobs") == 0)
            o.jobs = (unsigned)atoi(argv[++i]);
        else if (strcmp(name, "connect") == 0)
            o.connect_timeout_ms = atol(argv[++i]);
        else if (strcmp(name, "stall") == 0)
            o.stall_timeout_ms = atol(argv[++i]);
        else if (strcmp(name, "deadline") == 0)
            o.deadline_ms = atol(argv[++i]);
        else if (strcmp(name, "cancel-at") == 0)
            cancel_at = atol(argv[++i]);
        else if (strcmp(name, "classes") == 0) {
            if (vanta_source_classes_parse(argv[++i], &o.classes, &err) != VANTA_OK)
                die(&err);
        } else if (strcmp(name, "package") == 0)
            parse_package(argv[++i], &packages[o.n_packages++]);
        else if (strcmp(name, "list") == 0)
            repo = argv[++i];
        else if (strcmp(name, "probe") == 0)
            probed = argv[++i];
        else
            return usage();
    }
    if (vanta_fetcher_new(&o, &f, &err) != VANTA_OK)
        die(&err);
    if (repo || probed) {
        code = repo ? list(f, repo, "main") : probe(f, probed);
        vanta_fetcher_free(f);
        return code;
    }
    if (argc - i < 6 || (argc - i - 1) % 5 != 0 || (argc - i - 1) / 5 > ITEMS_MAX)
        return usage();
    for (int k = i + 1; k < argc; k += 5)
        parse_item(argv + k, &items[n++]);
    for (size_t k = 0; k < n; k++) {
        items[k].chunks = known.n > 0 ? &known : NULL;
        items[k].found_chunks = tell_found ? &found[k] : NULL;
    }
    vanta_fetch_files(f, items, n, argv[i], patient, &err);
    vanta_fetcher_free(f);
    code = report(items, n);
    vanta_chunks_free(&known);
    if (memory && getrusage(RUSAGE_SELF, &rusage) == 0)
        printf("memory %ld\n", rusage.ru_maxrss);
    return code;
}
