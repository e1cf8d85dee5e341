#include "fetch/package_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "fetch/package.h"
#include "fetch/package_talk.h"

/* How often it is looked what a client does; of a wheel on its way, how often its new
 * bytes are taken. */
#define POLL_MS 50
#define FOLLOW_MS 10
#define VERSION_TIMEOUT_MS 20000
#define TALK_MAX_BYTES ((int64_t)16 << 20)
#define TALK_READ_BYTES ((size_t)64 << 10)
#define ARGS_MAX 32
#define REQUIREMENTS_MAX_BYTES ((size_t)64 << 10)

/* A way to run a client; python3 knows pip as a module, and -I keeps it from taking one
 * out of the current folder. */
struct client {
    const char *program;
    const char *args[4];
};

static const struct client pips[] = {
    {"pip3", {NULL}}, {"pip", {NULL}}, {"python3", {"-I", "-m", "pip", NULL}}};
static const struct client npms[] = {{"npm", {NULL}}};

static const struct client *clients_of(const char *index, size_t *n)
{
    bool npm = strcmp(index, "npm") == 0;

    *n = npm ? sizeof npms / sizeof npms[0] : sizeof pips / sizeof pips[0];
    return npm ? npms : pips;
}

static enum vanta_status too_long(const char *path, struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
}

/* --- running ----------------------------------------------------------------------- */

/* The end of what the client printed; "" when there is nothing. */
static void read_talk(const char *path, char *talk, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    ssize_t n = 0;

    if (fd >= 0 && fstat(fd, &st) == 0) {
        off_t skip = st.st_size > (off_t)(size - 1) ? st.st_size - (off_t)(size - 1) : 0;

        n = pread(fd, talk, size - 1, skip);
    }
    if (fd >= 0)
        close(fd);
    talk[n > 0 ? n : 0] = '\0';
    for (; n > 0; n--) /* what is text up to a NUL would hide the rest */
        if (talk[n - 1] == '\0')
            talk[n - 1] = ' ';
}

static enum vanta_status start(struct vanta_process *process, const struct client *client,
                               const char *path, const char *const *args,
                               const char *work, struct vanta_error *err)
{
    char out[VANTA_PATH_MAX], talk[VANTA_PATH_MAX];
    const char *argv[ARGS_MAX] = {path};
    struct vanta_process_spec spec = {
        .argv = argv, .cwd = out, .output = talk, .die_with_parent = true};
    char **environment;
    enum vanta_status status;
    size_t n = 1, i;

    if (!vanta_path_join(out, work, "out") || !vanta_path_join(talk, work, "talk"))
        return too_long(work, err);
    for (i = 0; client->args[i]; i++)
        argv[n++] = client->args[i];
    for (i = 0; args[i] && n < ARGS_MAX - 1; i++)
        argv[n++] = args[i];
    environment = vanta_package_environment(work);
    if (!environment)
        return vanta_fail_memory(err);
    spec.envp = (const char *const *)environment;
    status = vanta_process_start(process, &spec, err);
    vanta_package_environment_free(environment);
    return status;
}

/* What the package's bytes are so far. pip fills TMPDIR and copies from there to its
 * target at the end, npm its cache: the fullest of them. */
static uint64_t bytes_so_far(const char *work, int64_t size, uint64_t *all)
{
    static const char *const folders[] = {"tmp", "out", "cache"};
    char path[VANTA_PATH_MAX];
    uint64_t most = 0, here;
    size_t i;

    *all = 0;
    for (i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        here = vanta_path_join(path, work, folders[i]) ? vanta_dir_bytes(path) : 0;
        *all += here;
        if (here > most)
            most = here;
    }
    return size >= 0 && most > (uint64_t)size ? (uint64_t)size : most;
}

struct found {
    const char *ending;
    const char *name; /* only a wheel of this package; NULL: any file */
    char path[1024];  /* relative */
    unsigned n;
};

/* A wheel is called NAME-VERSION-..., with "_" for what stands between words of NAME; name
 * is normalized, with one "-" there. */
static bool is_wheel_of(const char *relative, const char *name)
{
    const char *file = vanta_path_base(relative);

    for (; *name; name++) {
        char c = *file >= 'A' && *file <= 'Z' ? (char)(*file - 'A' + 'a') : *file;

        if (*name == '-' ? c != '_' && c != '.' : c != *name)
            return false;
        for (file++; *name == '-' && (*file == '_' || *file == '.'); file++)
            continue;
    }
    return *file == '-';
}

static enum vanta_status note_file(void *arg, const char *relative, uint64_t bytes,
                                   struct vanta_error *err)
{
    struct found *found = arg;

    (void)err;
    (void)bytes;
    if (vanta_has_suffix(relative, found->ending) &&
        (!found->name || is_wheel_of(relative, found->name)) &&
        vanta_format(found->path, sizeof found->path, "%s", relative))
        found->n++;
    return VANTA_OK;
}

/* Whether folder (below work) has exactly one such file; n counts them. */
static bool find_in(const char *work, const char *folder, struct found *found,
                    char file[VANTA_PATH_MAX])
{
    char dir[VANTA_PATH_MAX];

    return vanta_path_join(dir, work, folder) &&
           vanta_dir_walk(dir, note_file, found, NULL) == VANTA_OK && found->n == 1 &&
           vanta_path_join(file, dir, found->path);
}

/* What the client left when it was done. */
static enum vanta_status take_result(const struct vanta_package_run *run,
                                     char file[VANTA_PATH_MAX], struct vanta_error *err)
{
    const struct vanta_package *package = run->package;
    bool npm = strcmp(package->index, "npm") == 0;
    struct found found = {.ending = npm ? ".tgz" : ".whl"};

    if (find_in(run->work, "out", &found, file))
        return run->judge(run->judge_arg, file, err);
    return vanta_fail(err, VANTA_ERR_TOOL,
                      "%s %s: the client said that it was done, and left %s file",
                      package->name, package->version, found.n ? "more than one" : "no");
}

/* The wheel that pip is writing in its TMPDIR. */
struct following {
    char path[VANTA_PATH_MAX]; /* our name for it: pip deletes its own when it is done */
    int fd;                    /* -1: not seen yet */
    uint64_t bytes;
    bool over; /* nothing, or nothing more, is to be had this way */
};

/* named: there may be wheels of other packages besides. */
static void follow_start(const struct vanta_package_run *run, bool named,
                         struct following *f)
{
    struct found found = {.ending = ".whl", .name = named ? run->package->name : NULL};
    char theirs[VANTA_PATH_MAX];
    struct stat st;

    if (!find_in(run->work, "tmp", &found, theirs))
        return;
    if (!vanta_format(f->path, sizeof f->path, "%s/early-%s.whl", run->work,
                      run->package->name) ||
        link(theirs, f->path) != 0) {
        f->over = true;
        return;
    }
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    f->over = f->fd < 0 || fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode);
    if (!f->over && run->watch->arriving)
        run->watch->arriving(run->watch->arg, f->path);
}

static void follow_end(struct following *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->over = true;
}

/* True when the package's bytes are all there, and right. */
static bool follow(const struct vanta_package_run *run, bool named, struct following *f)
{
    struct stat st;

    if (!f->over && f->fd < 0)
        follow_start(run, named, f);
    if (f->over || f->fd < 0)
        return false;
    /* One name left: pip has thrown it away, to start again elsewhere. One that has become
     * shorter, or too long, is nothing to go by either. */
    if (fstat(f->fd, &st) != 0 || st.st_nlink < 2 || (uint64_t)st.st_size < f->bytes ||
        st.st_size > run->package->size_bytes)
        goto over;
    if ((uint64_t)st.st_size == f->bytes)
        return false;
    f->bytes = (uint64_t)st.st_size;
    if (run->grew)
        run->grew(run->judge_arg, f->fd, f->bytes);
    if (st.st_size < run->package->size_bytes)
        return false;
    if (run->judge(run->judge_arg, f->path, NULL) == VANTA_OK)
        return true;
over:
    follow_end(f);
    unlink(f->path);
    return false;
}

struct growth {
    uint64_t told; /* to progress */
    uint64_t all;  /* bytes in the folder */
    int64_t since; /* when all changed last */
};

static enum vanta_status check_growth(const struct vanta_package_run *run,
                                      struct growth *g, struct vanta_error *err)
{
    const struct vanta_package *package = run->package;
    char time[VANTA_SIZE_TEXT_MAX];
    uint64_t all, now = bytes_so_far(run->work, package->size_bytes, &all);

    if (now > g->told) {
        g->told = now;
        if (run->watch->progress)
            run->watch->progress(run->watch->arg, now);
    }
    if (all != g->all)
        g->since = vanta_clock_ms();
    g->all = all;
    if (vanta_clock_ms() - g->since <= run->stall_ms)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_NETWORK, "%s %s: no byte came for %s", package->name,
               package->version, vanta_duration_text(run->stall_ms, time));
    vanta_hint(err, "check the network, or use another source");
    return VANTA_ERR_NETWORK;
}

/* What may end a client before its time. */
static enum vanta_status check_client(const struct vanta_package_run *run,
                                      struct growth *growth, const char *talk,
                                      struct vanta_error *err)
{
    const struct vanta_package *package = run->package;
    const struct vanta_package_watch *watch = run->watch;
    enum vanta_status status;

    if ((watch->cancel && atomic_load(watch->cancel)) ||
        (watch->unwanted && watch->unwanted(watch->arg)))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "%s %s: stopped", package->name,
                          package->version);
    status = check_growth(run, growth, err);
    if (status == VANTA_OK && vanta_file_size(talk) > TALK_MAX_BYTES)
        status = vanta_fail(err, VANTA_ERR_TOOL, "%s %s: the client prints without end",
                            package->name, package->version);
    return status;
}

/* Until it ends (*early false), its bytes are there (true), it is cancelled, or does
 * nothing for too long. */
static enum vanta_status watch(const struct vanta_package_run *run,
                               struct vanta_process *process, bool *early,
                               char file[VANTA_PATH_MAX], struct vanta_error *err)
{
    const struct vanta_package *package = run->package;
    struct growth growth = {.since = vanta_clock_ms()};
    struct following *f = calloc(1, sizeof *f);
    char talk[VANTA_PATH_MAX];
    enum vanta_status status = VANTA_OK;
    int64_t checked_ms = 0;

    *early = false;
    if (!f)
        return vanta_fail_memory(err);
    f->fd = -1;
    f->over = package->size_bytes < 0 || strcmp(package->index, "pypi") != 0;
    if (!vanta_path_join(talk, run->work, "talk"))
        status = too_long(run->work, err);
    while (status == VANTA_OK && !*early &&
           !vanta_process_wait(process, f->over ? POLL_MS : FOLLOW_MS)) {
        *early = follow(run, false, f);
        if (*early || vanta_clock_ms() - checked_ms < POLL_MS)
            continue;
        checked_ms = vanta_clock_ms();
        status = check_client(run, &growth, talk, err);
    }
    if (*early)
        memcpy(file, f->path, sizeof f->path);
    follow_end(f);
    free(f);
    return status;
}

/* One client, from start to end. *broken: it does not work at all, another one may. */
static enum vanta_status run_client(const struct vanta_package_run *run,
                                    const struct client *client, const char *path,
                                    const char *const *args, char file[VANTA_PATH_MAX],
                                    bool *broken, struct vanta_error *err)
{
    struct vanta_process process = {0};
    char talk_path[VANTA_PATH_MAX], *talk;
    enum vanta_status status;
    bool early = false;

    *broken = false;
    talk = malloc(TALK_READ_BYTES);
    if (!talk || !vanta_path_join(talk_path, run->work, "talk")) {
        free(talk);
        return vanta_fail_memory(err);
    }
    status = start(&process, client, path, args, run->work, err);
    *broken = status == VANTA_ERR_TOOL;
    if (status == VANTA_OK)
        status = watch(run, &process, &early, file, err);
    vanta_process_stop(&process);
    if (status == VANTA_OK && !early && process.exit_code != 0) {
        read_talk(talk_path, talk, TALK_READ_BYTES);
        *broken = vanta_package_client_is_broken(process.exit_code, talk);
        status = vanta_package_explain(run->package, process.exit_code, talk, err);
    } else if (status == VANTA_OK && !early) {
        status = take_result(run, file, err);
    }
    free(talk);
    return status;
}

/* Not fsynced: it is worth nothing once the client has ended. */
static enum vanta_status write_note(const char *path, const char *text,
                                    struct vanta_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum vanta_status status;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    status = vanta_file_write_all(fd, text, strlen(text), path, err);
    close(fd);
    return status;
}

/* The folders below work, and what the client reads there. n is 1 for npm. */
static enum vanta_status prepare(const struct vanta_package_run *run, size_t n,
                                 struct vanta_error *err)
{
    static const char *const folders[] = {"out", "tmp", "cache"};
    bool npm = strcmp(run->package->index, "npm") == 0;
    struct vanta_buf text = VANTA_BUF(REQUIREMENTS_MAX_BYTES);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;
    bool fits = true;
    size_t i;

    for (i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (!vanta_path_join(path, run->work, folders[i]))
            return too_long(run->work, err);
        status = vanta_dir_make(path, err);
        if (status != VANTA_OK)
            return status;
    }
    /* npm takes settings from the nearest folder above that has a package.json: here. */
    if (npm)
        fits = vanta_buf_printf(&text, "{\"private\": true}\n");
    for (i = 0; !npm && i < n; i++)
        fits = fits &&
               vanta_buf_printf(&text, "%s==%s --hash=sha256:%s\n", run[i].package->name,
                                run[i].package->version, run[i].package->sha256);
    if (!fits)
        status = vanta_fail_memory(err);
    else if (!vanta_path_join(path, run->work,
                              npm ? "out/package.json" : "requirements.txt"))
        status = too_long(run->work, err);
    else
        status = write_note(path, text.data, err);
    vanta_buf_free(&text);
    return status;
}

#define PIP_ARGS(requirements, out)                                                       \
    {"download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-input", \
     "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off", "-r",      \
     requirements, "-d", out, NULL}

enum vanta_status vanta_package_run(const struct vanta_package_run *run,
                                    char file[VANTA_PATH_MAX], struct vanta_error *err)
{
    char requirements[VANTA_PATH_MAX], out[VANTA_PATH_MAX], cache[VANTA_PATH_MAX];
    char path[VANTA_PATH_MAX], spec[512];
    const char *pip[] = PIP_ARGS(requirements, out);
    const char *npm[] = {"pack",
                         spec,
                         "--ignore-scripts",
                         "--cache",
                         cache,
                         "--loglevel=error",
                         "--dry-run=false",
                         "--fetch-retry-mintimeout=1000",
                         "--fetch-retry-maxtimeout=10000",
                         NULL};
    const struct vanta_package *package = run->package;
    bool is_npm = strcmp(package->index, "npm") == 0, broken = false;
    const struct client *clients;
    enum vanta_status status;
    struct vanta_error last = {0};
    size_t n, i;

    if (!vanta_path_join(requirements, run->work, "requirements.txt") ||
        !vanta_path_join(out, run->work, "out") ||
        !vanta_path_join(cache, run->work, "cache") ||
        !vanta_format(spec, sizeof spec, "%s@%s", package->name, package->version))
        return too_long(run->work, err);
    status = prepare(run, 1, err);
    if (status != VANTA_OK)
        return status;
    clients = clients_of(package->index, &n);
    for (i = 0; i < n; i++) {
        if (!vanta_program_find(clients[i].program, path))
            continue;
        vanta_error_clear(&last);
        status = run_client(run, &clients[i], path, is_npm ? npm : pip, file, &broken,
                            &last);
        if (status == VANTA_OK)
            return VANTA_OK;
        if (!broken) {
            vanta_fail(err, status, "%s", last.message);
            vanta_hint(err, "%s", last.hint);
            return status;
        }
    }
    vanta_fail(err, VANTA_ERR_TOOL, "%s %s: needs %s, %s", package->name,
               package->version, is_npm ? "npm" : "pip",
               last.status != VANTA_OK ? "and the one that is installed does not run"
                                       : "which is not installed");
    vanta_hint(err, "%s; or use another source",
               vanta_package_client_advice(package->index));
    return VANTA_ERR_TOOL;
}

/* --- several wheels ---------------------------------------------------------------- */

/* One look at what there is; false when nothing is left to wait for. */
static bool look_at_batch(const struct vanta_package_run *runs, size_t n,
                          struct following *f,
                          void (*came)(void *judge_arg, const char *file))
{
    bool wanted = false;
    size_t i;

    for (i = 0; i < n; i++) {
        const struct vanta_package_watch *watch = runs[i].watch;
        uint64_t before = f[i].bytes;

        if (f[i].over)
            continue;
        if (follow(&runs[i], true, &f[i])) {
            came(runs[i].judge_arg, f[i].path);
            follow_end(&f[i]);
            continue;
        }
        if (f[i].bytes > before && watch->progress)
            watch->progress(watch->arg, f[i].bytes);
        wanted = wanted || !f[i].over;
    }
    return wanted;
}

/* Whether a package that has not come is still wanted. */
static bool is_batch_wanted(const struct vanta_package_run *runs, size_t n,
                            const struct following *f)
{
    const struct vanta_package_watch *watch;
    bool wanted = false;
    size_t i;

    for (i = 0; i < n; i++) {
        watch = runs[i].watch;
        if (watch->cancel && atomic_load(watch->cancel))
            return false;
        wanted = wanted || (!f[i].over && !(watch->unwanted && watch->unwanted(watch->arg)));
    }
    return wanted;
}

static void watch_batch(const struct vanta_package_run *runs, size_t n,
                        struct vanta_process *process, struct following *f,
                        void (*came)(void *judge_arg, const char *file))
{
    static const struct vanta_package_watch nobody = {.arg = NULL};
    struct growth growth = {.since = vanta_clock_ms()};
    struct vanta_package_run all = runs[0];
    int64_t checked_ms = 0;
    char talk[VANTA_PATH_MAX];
    bool ended = false;

    all.watch = &nobody;
    if (!vanta_path_join(talk, runs[0].work, "talk"))
        return;
    while (!ended) {
        ended = vanta_process_wait(process, FOLLOW_MS);
        if (!look_at_batch(runs, n, f, came))
            return;
        if (vanta_clock_ms() - checked_ms < POLL_MS)
            continue;
        checked_ms = vanta_clock_ms();
        if (!is_batch_wanted(runs, n, f) ||
            check_client(&all, &growth, talk, NULL) != VANTA_OK)
            return;
    }
}

void vanta_package_run_batch(const struct vanta_package_run *runs, size_t n,
                             void (*came)(void *judge_arg, const char *file))
{
    struct following *f = calloc(n, sizeof *f);
    char requirements[VANTA_PATH_MAX], out[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    const char *pip[] = PIP_ARGS(requirements, out);
    struct vanta_process process = {0};
    size_t i, k = 0;

    for (i = 0; f && i < n; i++)
        f[i].fd = -1;
    while (k < sizeof pips / sizeof pips[0] && !vanta_program_find(pips[k].program, path))
        k++;
    if (f && k < sizeof pips / sizeof pips[0] && prepare(runs, n, NULL) == VANTA_OK &&
        vanta_path_join(requirements, runs[0].work, "requirements.txt") &&
        vanta_path_join(out, runs[0].work, "out") &&
        start(&process, &pips[k], path, pip, runs[0].work, NULL) == VANTA_OK) {
        watch_batch(runs, n, &process, f, came);
        vanta_process_stop(&process);
    }
    for (i = 0; f && i < n; i++)
        follow_end(&f[i]);
    free(f);
}

/* --- which client there is --------------------------------------------------------- */

/* "pip 23.2.1 from ... (python 3.11)" gives "pip 23.2.1", npm's "11.4.2" "npm 11.4.2". */
static void take_version(const char *index, const char *talk, char *version)
{
    size_t len = strcspn(talk, "\r\n"), word = strcspn(talk, " \r\n");

    if (strcmp(index, "npm") == 0) {
        vanta_format(version, 64, "npm %.*s", (int)word, talk);
        return;
    }
    if (word < len)
        word += 1 + strcspn(talk + word + 1, " \r\n");
    vanta_format(version, 64, "%.*s", (int)(word < len ? word : len), talk);
}

static bool ask_version(const char *index, const struct client *client, const char *path,
                        char *version)
{
    static const char *const args[] = {"--version", NULL};
    const char *tmp = getenv("TMPDIR");
    char work[VANTA_PATH_MAX], part[VANTA_PATH_MAX], talk[512] = "";
    struct vanta_process process = {0};
    bool ok = false;

    if (!vanta_format(work, sizeof work, "%s/vanta-client-XXXXXX",
                      tmp && tmp[0] == '/' ? tmp : "/tmp") ||
        !mkdtemp(work))
        return false;
    if (vanta_path_join(part, work, "tmp") && vanta_dir_make(part, NULL) == VANTA_OK &&
        vanta_path_join(part, work, "out") && vanta_dir_make(part, NULL) == VANTA_OK &&
        start(&process, client, path, args, work, NULL) == VANTA_OK) {
        ok = vanta_process_wait(&process, VERSION_TIMEOUT_MS) && process.exit_code == 0;
        vanta_process_stop(&process);
        if (vanta_path_join(part, work, "talk"))
            read_talk(part, talk, sizeof talk);
        if (version)
            take_version(index, talk, version);
    }
    vanta_remove_tree(work, NULL);
    return ok;
}

enum vanta_status vanta_package_client(const char *index, char path[VANTA_PATH_MAX],
                                       char *version, struct vanta_error *err)
{
    const struct client *clients;
    bool seen = false;
    size_t n, i;

    clients = clients_of(index, &n);
    if (version)
        version[0] = '\0';
    for (i = 0; i < n; i++) {
        if (!vanta_program_find(clients[i].program, path))
            continue;
        /* python3 may well come without pip; the others are what they are called. */
        if ((!version && !clients[i].args[0]) ||
            ask_version(index, &clients[i], path, version))
            return VANTA_OK;
        seen = seen || !clients[i].args[0];
    }
    path[0] = '\0';
    if (version)
        version[0] = '\0';
    vanta_fail(err, VANTA_ERR_TOOL, "%s is %s",
               strcmp(index, "npm") == 0 ? "npm" : "pip",
               seen ? "installed, but does not run" : "not installed");
    vanta_hint(err, "%s", vanta_package_client_advice(index));
    return VANTA_ERR_TOOL;
}
