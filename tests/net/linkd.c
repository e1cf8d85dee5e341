/*
 * linkd.c - a slow link between two network namespaces of its own, for tests of bad lines
 * on kernels without netem.
 *
 *     linkd [--delay-ms N] [--loss-percent N] [--rate-kbit N] [--no-ipv6] [--hosts FILE]
 *           [--seed N] FOLDER
 *
 * Makes two namespaces (as root, or in a user namespace of its own), each with a TUN
 * device "link0": the server's has 10.77.0.1 and fd77::1, the client's 10.77.0.2 and
 * fd77::2. Each packet that one sends comes out at the other half of --delay-ms later, or
 * by chance never. The rate is kept by the kernel's tbf where there is one and `tc`, else
 * by linkd, with a queue of QUEUE_MS. --no-ipv6 loses all packets of IPv6: a name with
 * addresses of both kinds then has a dead one. --hosts lies over /etc/hosts there.
 *
 * When the link is up, FOLDER/link says "server PID", "client PID" and how the rate is
 * kept, a line each: `nsenter -t PID -n -m` goes there. SIGUSR1 cuts the cable, SIGUSR2
 * mends it. SIGTERM ends both, and FOLDER/stats says what became of the packets. Exit 77:
 * there can be no namespaces here, for the reason on stderr.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_HERE 77
#define PACKET_MAX 2048
#define PACKETS_MAX 65536 /* under way in one direction */
#define QUEUE_MS 200      /* what a line of limited rate holds back before it drops */
#define DEVICE "link0"

struct packet {
    int64_t due_ns;
    size_t len;
    unsigned char data[];
};

struct direction {
    int from, to;
    struct packet *ring[PACKETS_MAX];
    size_t head, n;
    int64_t free_ns; /* when the line has sent what it was given */
    uint64_t forwarded, lost, overflowed;
};

static struct {
    long delay_ms, loss_percent, rate_kbit, seed;
    bool no_ipv6;
    const char *hosts, *folder;
} option = {.seed = 1};

static bool paced; /* by linkd itself: there is no tbf */
static struct direction directions[2];
static volatile sig_atomic_t ended, cut;

static void die(const char *what)
{
    fprintf(stderr, "linkd: %s: %s\n", what, strerror(errno));
    exit(errno == EPERM || errno == EACCES || errno == ENOENT || errno == ENODEV ||
                 errno == ENOSPC || errno == ENOSYS || errno == EINVAL
             ? NOT_HERE
             : 1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- the namespaces --- */

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        die(path);
    close(fd);
}

/* Root's rights over namespaces, where the user has them not. */
static void enter_user_namespace(void)
{
    unsigned user = geteuid(), group = getegid();
    char map[64];

    if (unshare(CLONE_NEWUSER) != 0)
        die("a user namespace");
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", user);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", group);
    write_text("/proc/self/gid_map", map);
}

static void set_address(const char *v4, const char *v6)
{
    struct ifreq request = {.ifr_name = DEVICE};
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct in6_ifreq request6 = {.ifr6_prefixlen = 64};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd6;

    inet_pton(AF_INET, v4, &address.sin_addr);
    memcpy(&request.ifr_addr, &address, sizeof address);
    if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request) != 0)
        die("the address of " DEVICE);
    inet_pton(AF_INET, "255.255.255.0", &address.sin_addr);
    memcpy(&request.ifr_netmask, &address, sizeof address);
    if (ioctl(fd, SIOCSIFNETMASK, &request) != 0 ||
        ioctl(fd, SIOCGIFINDEX, &request) != 0)
        die("the network of " DEVICE);
    request6.ifr6_ifindex = request.ifr_ifindex;
    inet_pton(AF_INET6, v6, &request6.ifr6_addr);
    fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd6 < 0 || ioctl(fd6, SIOCSIFADDR, &request6) != 0)
        fprintf(stderr, "linkd: no IPv6 here: %s\n", strerror(errno));
    if (fd6 >= 0)
        close(fd6);
    close(fd);
}

static void bring_up(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    strcpy(request.ifr_name, name);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0)
        die(name);
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        die(name);
    close(fd);
}

/* The kernel's token bucket on this side's device; false: it has none. */
static bool limit_rate(void)
{
    char rate[32];
    int status = -1;
    pid_t pid;

    snprintf(rate, sizeof rate, "%ldkbit", option.rate_kbit);
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execlp("tc", "tc", "qdisc", "add", "dev", DEVICE, "root", "tbf", "rate", rate,
               "burst", "16kb", "latency", "200ms", (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* A new network namespace for this process, with its end of the link: its packets. */
static int make_end(const char *v4, const char *v6)
{
    struct ifreq request = {.ifr_name = DEVICE, .ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd;

    if (unshare(CLONE_NEWNET) != 0)
        die("a network namespace");
    fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
        die("/dev/net/tun");
    bring_up("lo");
    set_address(v4, v6);
    bring_up(DEVICE);
    if (option.rate_kbit > 0 && !paced)
        paced = !limit_rate();
    return fd;
}

/* A process that does nothing keeps the namespace it was born in. */
static pid_t keep_namespace(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, SIG_DFL);
    while (getppid() == parent)
        pause();
    _exit(0);
}

/* Both sides see the mounts of this one: a namespace of its own, too, or nsenter could
 * not go there from a user namespace. */
static void cover_hosts(void)
{
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        die("a mount namespace");
    if (option.hosts && mount(option.hosts, "/etc/hosts", NULL, MS_BIND, NULL) != 0)
        die("/etc/hosts");
}

/* --- the link --- */

static uint64_t next_random(void)
{
    static uint64_t state;

    if (!state)
        state = (uint64_t)option.seed * 0x9e3779b97f4a7c15u | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static bool is_lost(const unsigned char *data)
{
    return cut || (option.no_ipv6 && data[0] >> 4 == 6) ||
           (long)(next_random() >> 11) % 100 < option.loss_percent;
}

static void take(struct direction *d, const unsigned char *data, size_t len)
{
    int64_t now = now_ns(), sent = now;
    struct packet *p;

    if (is_lost(data)) {
        d->lost++;
        return;
    }
    if (paced) {
        if (d->free_ns < now)
            d->free_ns = now;
        if (d->free_ns - now > QUEUE_MS * INT64_C(1000000)) {
            d->overflowed++;
            return;
        }
        d->free_ns += (int64_t)len * 8 * 1000000 / option.rate_kbit;
        sent = d->free_ns;
    }
    p = d->n < PACKETS_MAX ? malloc(sizeof *p + len) : NULL;
    if (!p) {
        d->overflowed++;
        return;
    }
    p->due_ns = sent + option.delay_ms * INT64_C(1000000) / 2;
    p->len = len;
    memcpy(p->data, data, len);
    d->ring[(d->head + d->n++) % PACKETS_MAX] = p;
}

static void deliver(struct direction *d)
{
    while (d->n > 0 && d->ring[d->head]->due_ns <= now_ns()) {
        struct packet *p = d->ring[d->head];

        if (write(d->to, p->data, p->len) < 0 && errno == EAGAIN)
            return;
        d->forwarded++;
        free(p);
        d->head = (d->head + 1) % PACKETS_MAX;
        d->n--;
    }
}

static void forward(void)
{
    unsigned char data[PACKET_MAX];
    struct timespec wait, *limit;
    struct pollfd polls[2];
    int64_t next, left;
    sigset_t none;
    ssize_t len;
    int i, k;

    sigemptyset(&none);
    while (!ended) {
        next = INT64_MAX;
        for (i = 0; i < 2; i++) {
            struct direction *d = &directions[i];

            for (k = 0; k < 64 && (len = read(d->from, data, sizeof data)) > 0; k++)
                take(d, data, (size_t)len);
            deliver(d);
            if (d->n > 0 && d->ring[d->head]->due_ns < next)
                next = d->ring[d->head]->due_ns;
            polls[i] = (struct pollfd){.fd = d->from, .events = POLLIN};
        }
        left = next - now_ns();
        wait.tv_sec = left > 0 ? left / 1000000000 : 0;
        wait.tv_nsec = left > 0 ? left % 1000000000 : 0;
        limit = next == INT64_MAX ? NULL : &wait;
        ppoll(polls, 2, limit, &none);
    }
}

/* --- talk --- */

static void on_signal(int number)
{
    if (number == SIGTERM || number == SIGINT)
        ended = 1;
    else
        cut = number == SIGUSR1;
}

/* Signals come only while forward() waits, so that none is missed. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t set;
    size_t i;

    sigemptyset(&set);
    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&set, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Whole or not at all: a reader waits for the name. */
static void say(const char *name, const char *text)
{
    char path[4096], temporary[4096];
    FILE *file;

    if (snprintf(path, sizeof path, "%s/%s", option.folder, name) >= (int)sizeof path ||
        snprintf(temporary, sizeof temporary, "%s/.%s", option.folder, name) >=
            (int)sizeof temporary)
        exit(2);
    file = fopen(temporary, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0 ||
        rename(temporary, path) != 0)
        die(path);
}

static bool parse(int argc, char **argv)
{
    static const struct {
        const char *name;
        long *value;
    } numbers[] = {{"--delay-ms", &option.delay_ms},
                   {"--loss-percent", &option.loss_percent},
                   {"--rate-kbit", &option.rate_kbit},
                   {"--seed", &option.seed}};
    size_t k, n = sizeof numbers / sizeof numbers[0];
    int i;

    for (i = 1; i + 1 < argc; i++) {
        for (k = 0; k < n && strcmp(argv[i], numbers[k].name) != 0; k++)
            continue;
        if (strcmp(argv[i], "--no-ipv6") == 0)
            option.no_ipv6 = true;
        else if (strcmp(argv[i], "--hosts") == 0)
            option.hosts = argv[++i];
        else if (k < n)
            *numbers[k].value = atol(argv[++i]);
        else
            return false;
    }
    option.folder = i < argc ? argv[i] : NULL;
    return option.folder != NULL;
}

int main(int argc, char **argv)
{
    int server, client;
    char text[200];
    pid_t holder;

    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: linkd [OPTION...] FOLDER\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    catch_signals();
    if (geteuid() != 0)
        enter_user_namespace();
    cover_hosts();
    server = make_end("10.77.0.1", "fd77::1");
    holder = keep_namespace();
    client = make_end("10.77.0.2", "fd77::2");
    directions[0].from = directions[1].to = server;
    directions[0].to = directions[1].from = client;
    snprintf(text, sizeof text, "server %ld\nclient %ld\nrate %s\n", (long)holder,
             (long)getpid(),
             option.rate_kbit == 0 ? "unlimited"
             : paced               ? "linkd"
                                   : "tbf");
    say("link", text);
    forward();
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    snprintf(text, sizeof text, "to-client %llu lost %llu overflowed %llu\n"
                                "to-server %llu lost %llu overflowed %llu\n",
             (unsigned long long)directions[0].forwarded,
             (unsigned long long)directions[0].lost,
             (unsigned long long)directions[0].overflowed,
             (unsigned long long)directions[1].forwarded,
             (unsigned long long)directions[1].lost,
             (unsigned long long)directions[1].overflowed);
    say("stats", text);
    return 0;
}
