/* vanta-engine: the inference helper. People ask it --version and --devices; vanta starts
 * it with --serve FD. */
#include <errno.h>
#include <fcntl.h>
#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <whisper.h>

#include "base/text.h"
#include "engines/helper/plugins.h"
#include "engines/helper/serve.h"

extern char **environ;

static int print_version(void)
{
    printf("vanta-engine %s\n", VANTA_ENGINE_BUILD);
    printf("llama.cpp %s\nwhisper.cpp %s\nggml %s\n", llama_version(), whisper_version(),
           ggml_version());
    return fflush(stdout) == 0 ? 0 : 3;
}

static int print_devices(void)
{
    char memory[VANTA_SIZE_TEXT_MAX];
    size_t i, available, total;

    for (i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);

        ggml_backend_dev_memory(device, &available, &total);
        printf("device %s: %s, %s\n", ggml_backend_dev_name(device),
               ggml_backend_dev_description(device), vanta_size_text(total, memory));
    }
    return fflush(stdout) == 0 ? 0 : 3;
}

/* Even where it was not vanta that started us: no variable may name a library to load, a
 * debugger to start or a number of threads. */
static bool clear_environment(void)
{
    static const char *const kept[] = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR"};
    static char *empty[] = {NULL};
    char *values[sizeof kept / sizeof kept[0]];
    bool ok = true;
    size_t i;

    for (i = 0; i < sizeof kept / sizeof kept[0]; i++)
        values[i] = vanta_strdup(getenv(kept[i]));
    environ = empty;
    for (i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (values[i])
            ok = setenv(kept[i], values[i], 1) == 0 && ok;
        free(values[i]);
    }
    /* ggml starts a debugger when it aborts, else. */
    return setenv("GGML_NO_BACKTRACE", "1", 1) == 0 && ok;
}

/* When memory runs out this process is the one to end, not the user's others. */
static void volunteer_for_oom(void)
{
#if defined(__linux__)
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "500", 3) != 3)
        fprintf(stderr, "vanta-engine: oom_score_adj: %s\n", strerror(errno));
    close(fd);
#endif
}

static bool is_channel(const char *text, int *fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    char *end;
    long number = strtol(text, &end, 10);

    *fd = (int)number;
    return end != text && *end == '\0' && number > 2 && number < 1024 &&
           getsockopt(*fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_STREAM && fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0;
}

int main(int argc, char **argv)
{
    struct vanta_error err = {0};
    bool serve = argc == 3 && strcmp(argv[1], "--serve") == 0;
    int fd = -1;

    /* ggml would load backends from the current folder and from where a variable says. */
    if (!clear_environment() || chdir("/") != 0) {
        perror("vanta-engine");
        return 3;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return print_version();
    if (!(serve && is_channel(argv[2], &fd)) &&
        !(argc == 2 && strcmp(argv[1], "--devices") == 0)) {
        fprintf(stderr, "vanta-engine is started by vanta; by hand: vanta-engine "
                        "--version | --devices\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* into the log line by line, whoever prints */
    signal(SIGPIPE, SIG_IGN);
    if (serve)
        volunteer_for_oom();
    if (plugins_load(&err) != VANTA_OK) {
        fprintf(stderr, "vanta-engine: %s\n  %s\n", err.message, err.hint);
        return 3;
    }
    if (serve)
        serve_channel(fd);
    return print_devices();
}
