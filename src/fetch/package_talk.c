#include "fetch/package_talk.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* Quoted from what pip 20 to 25 and npm 6 to 11 print. The first that is found decides:
 * what names a cause stands before what any cause ends in ("No matching distribution"). */
struct rule {
    const char *phrase;
    enum vanta_status status;
    const char *what;
    const char *hint;
};

#define FULL "the disk or quota is full"
#define FULL_HINT "free some disk space and run the same command again"
#define OTHER_BYTES "the package index holds other bytes than the catalog's digest names"
#define OTHER_BYTES_HINT \
    "nothing was kept; use another source, or ask whoever runs the index or mirror"
#define TLS "the package index's TLS certificate was not accepted"
#define TLS_HINT \
    "if a proxy of your network intercepts TLS, give its CA file to the client: PIP_CERT " \
    "or `pip config set global.cert FILE`, for npm `npm config set cafile FILE`; " \
    "otherwise check the machine's clock"
#define PROXY "the proxy to the package index could not be used"
#define PROXY_HINT \
    "check HTTPS_PROXY, NO_PROXY and the client's own proxy setting (`pip config list`, " \
    "`npm config get proxy`)"
#define REFUSED "the package index refused access"
#define REFUSED_HINT \
    "check the client's credentials for its index, and whether the index's rules allow " \
    "this package"
#define SERVER "the package index answered with an error of its own"
#define SERVER_HINT "try again later, or use another source"
#define NETWORK "the package index was not reached"
#define NETWORK_HINT \
    "check the network and the client's index setting (`pip config list`, `npm config " \
    "get registry`), or use another source"
#define GONE "the package index has no such package and version: it may be withdrawn"
#define GONE_HINT \
    "use another source; a mirror may lack what the index has, and a network's login " \
    "page can answer in the index's place"

static const struct rule rules[] = {
    {"No space left on device", VANTA_ERR_NO_SPACE, FULL, FULL_HINT},
    {"ENOSPC", VANTA_ERR_NO_SPACE, FULL, FULL_HINT},
    {"Disk quota exceeded", VANTA_ERR_NO_SPACE, FULL, FULL_HINT},
    {"EDQUOT", VANTA_ERR_NO_SPACE, FULL, FULL_HINT},
    {"DO NOT MATCH THE HASHES", VANTA_ERR_DIGEST, OTHER_BYTES, OTHER_BYTES_HINT},
    {"EINTEGRITY", VANTA_ERR_DIGEST, OTHER_BYTES, OTHER_BYTES_HINT},
    {"Could not find an activated virtualenv", VANTA_ERR_TOOL,
     "pip is set to run in virtual environments only",
     "activate one, or `pip config unset global.require-virtualenv`"},
    {"no such option", VANTA_ERR_TOOL, "pip is too old: an option it lacks is needed",
     "`pip install --upgrade pip` in a virtual environment, and activate that"},
    {"CERTIFICATE_VERIFY_FAILED", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"SSLError", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"SELF_SIGNED_CERT", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"self-signed certificate", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"self signed certificate", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"UNABLE_TO_GET_ISSUER_CERT", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"UNABLE_TO_VERIFY_LEAF_SIGNATURE", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"CERT_HAS_EXPIRED", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"ERR_TLS_", VANTA_ERR_NETWORK, TLS, TLS_HINT},
    {"not a trusted or secure host", VANTA_ERR_NETWORK,
     "pip does not trust its package index, which is set without TLS",
     "set the index with https, or name its host in PIP_TRUSTED_HOST"},
    {"ProxyError", VANTA_ERR_NETWORK, PROXY, PROXY_HINT},
    {"Cannot connect to proxy", VANTA_ERR_NETWORK, PROXY, PROXY_HINT},
    {"407 Proxy", VANTA_ERR_NETWORK, PROXY, PROXY_HINT},
    {"Missing dependencies for SOCKS", VANTA_ERR_NETWORK, PROXY, PROXY_HINT},
    {"tunneling socket could not", VANTA_ERR_NETWORK, PROXY, PROXY_HINT},
    {"401 Client Error", VANTA_ERR_AUTH, REFUSED, REFUSED_HINT},
    {"403 Client Error", VANTA_ERR_AUTH, REFUSED, REFUSED_HINT},
    {"401 Error, Credentials", VANTA_ERR_AUTH, REFUSED, REFUSED_HINT},
    {"code E401", VANTA_ERR_AUTH, REFUSED, REFUSED_HINT},
    {"code E403", VANTA_ERR_AUTH, REFUSED, REFUSED_HINT},
    {"ENEEDAUTH", VANTA_ERR_AUTH, REFUSED, REFUSED_HINT},
    {"error responses", VANTA_ERR_SERVER, SERVER, SERVER_HINT}, /* "too many 503 ..." */
    {"Server Error", VANTA_ERR_SERVER, SERVER, SERVER_HINT},
    {"429 Client Error", VANTA_ERR_SERVER, SERVER, SERVER_HINT},
    {"code E429", VANTA_ERR_SERVER, SERVER, SERVER_HINT},
    {"code E50", VANTA_ERR_SERVER, SERVER, SERVER_HINT},
    {"only supported Content-Types", VANTA_ERR_SERVER,
     "what answered in the package index's place is no package index",
     "a network's login page does that: open a browser; else check the client's index "
     "setting"},
    {"different python version", VANTA_ERR_UNSUPPORTED,
     "the package asks for a newer Python than the one that pip runs on",
     "install a newer Python and put its pip first on PATH, or use another source"},
    {"not a supported wheel on this platform", VANTA_ERR_UNSUPPORTED,
     "pip says that the package is not for this platform", "use another source"},
    {"Failed to establish a new connection", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"Name or service not known", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"name resolution", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"nodename nor servname", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"Failed to resolve", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"Network is unreachable", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"No route to host", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"Connection refused", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ConnectTimeoutError", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ReadTimeoutError", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"Connection reset", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ConnectionResetError", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"RemoteDisconnected", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"IncompleteRead", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"Max retries exceeded", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ENOTFOUND", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"EAI_AGAIN", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ECONNREFUSED", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ECONNRESET", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ETIMEDOUT", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ENETUNREACH", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"EHOSTUNREACH", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ERR_SOCKET_TIMEOUT", VANTA_ERR_NETWORK, NETWORK, NETWORK_HINT},
    {"ENOTCACHED", VANTA_ERR_NETWORK, "npm is set to work offline",
     "`npm config delete offline`, or use another source"},
    {"No matching distribution found", VANTA_ERR_NOT_FOUND, GONE, GONE_HINT},
    {"404 Client Error", VANTA_ERR_NOT_FOUND, GONE, GONE_HINT},
    {"code E404", VANTA_ERR_NOT_FOUND, GONE, GONE_HINT},
    {"ETARGET", VANTA_ERR_NOT_FOUND, GONE, GONE_HINT},
};

static const struct rule gone = {"", VANTA_ERR_NOT_FOUND, GONE, GONE_HINT};

/* pip lists what an index has: one that lists other versions was reached, whatever
 * retries came before. */
static bool lists_other_versions(const char *talk)
{
    const char *list = strstr(talk, "(from versions: ");

    return list && !vanta_has_prefix(list, "(from versions: none") &&
           strstr(list, "No matching distribution found");
}

static const struct rule *find_rule(const char *talk)
{
    size_t i;

    for (i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        /* From here on it is about the way to the index. */
        if (strcmp(rules[i].hint, NETWORK_HINT) == 0 && lists_other_versions(talk))
            return &gone;
        if (strstr(talk, rules[i].phrase))
            return &rules[i];
    }
    return NULL;
}

bool vanta_package_client_is_broken(int exit_code, const char *talk)
{
    return exit_code == 126 || exit_code == 127 || strstr(talk, "No module named pip") ||
           strstr(talk, "No module named 'pip'") || strstr(talk, "xcode-select:");
}

const char *vanta_package_client_advice(const char *index)
{
    bool npm = strcmp(index, "npm") == 0;

#if defined(__APPLE__)
    return npm ? "install it with `brew install node`"
               : "install it with `brew install python`";
#else
    return npm ? "install it with `apt-get install npm` (Debian, Ubuntu), `dnf install "
                 "npm` (Fedora) or `pacman -S npm` (Arch)"
               : "install it with `apt-get install python3-pip` (Debian, Ubuntu), `dnf "
                 "install python3-pip` (Fedora) or `pacman -S python-pip` (Arch)";
#endif
}

/* --- scrubbing --------------------------------------------------------------------- */

#define ADDRESS "<address>"

static bool is_delimiter(char c)
{
    return c == '\0' || (unsigned char)c <= ' ' || strchr("'\"`()<>{},;|=", c);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Endings of files that clients name, and that are no top-level domain. */
static bool is_file_ending(const char *ending, size_t len)
{
    static const char *const known[] = {"whl", "tgz", "conf", "txt", "json",
                                        "log", "cfg", "toml", "ini", "npmrc"};
    size_t i;

    for (i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == len && memcmp(known[i], ending, len) == 0)
            return true;
    return false;
}

/* "name.of.host", "1.2.3.4", with :port and a trailing dot, or "host:8080". */
static bool is_host(const char *word, size_t len)
{
    size_t i, dots = 0, start = 0, digits = 0, colon;
    bool port = false;

    for (colon = 0; colon < len && word[colon] != ':'; colon++)
        continue;
    for (i = colon + 1; i < len && is_digit(word[i]); i++)
        port = true;
    port = port && i == len;
    if (colon < len && !port && colon + 1 < len)
        return false;
    len = colon;
    while (len > 0 && word[len - 1] == '.')
        len--;
    for (i = 0; i < len; i++) {
        if (word[i] == '.') {
            dots++;
            start = i + 1;
        } else if (is_digit(word[i])) {
            digits++;
        } else if (!is_letter(word[i]) && word[i] != '-' && word[i] != '_') {
            return false;
        }
    }
    if (len == 0)
        return false;
    if (dots == 0)
        return port && is_letter(word[0]);
    if (dots == 3 && digits + dots == len)
        return true;
    return len - start >= 2 && is_letter(word[start]) &&
           !is_file_ending(word + start, len - start);
}

/* Two colons or more and nothing but hexadecimal digits: IPv6, in brackets or not. */
static bool is_ipv6(const char *word, size_t len)
{
    size_t i, colons = 0;

    for (i = 0; i < len; i++) {
        if (word[i] == ':')
            colons++;
        else if (!strchr("0123456789abcdefABCDEF[]%./", word[i]))
            return false;
    }
    return colons >= 2;
}

static bool is_address(const char *word, size_t len)
{
    size_t i, head;

    for (i = 0; i + 2 < len; i++)
        if (memcmp(word + i, "://", 3) == 0)
            return true;
    if ((len > 2 && memcmp(word, "//", 2) == 0) || is_ipv6(word, len))
        return true;
    for (head = 0; head < len && word[head] != '/'; head++)
        continue;
    for (i = 0; i < head; i++) /* user@host, but not npm's @scope/name or name@1.0 */
        if (word[i] == '@' && i > 0 && is_host(word + i + 1, head - i - 1))
            return true;
    return is_host(word, head);
}

/* Words behind which a host stands, even one of a single label. */
static bool announces_host(const char *word, size_t len)
{
    static const char *const words[] = {"host",         "ENOTFOUND", "EAI_AGAIN",
                                        "ECONNREFUSED", "resolve",   "proxy"};
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
            return true;
    return false;
}

size_t vanta_package_scrub(const char *text, char *out, size_t size)
{
    bool announced = false;
    size_t at = 0;

    while (*text) {
        const char *put = text;
        size_t len = 0, put_len;

        while (!is_delimiter(text[len]))
            len++;
        put_len = len ? len : 1;
        if (len && (announced || is_address(text, len))) {
            put = ADDRESS;
            put_len = sizeof ADDRESS - 1;
        }
        if (len)
            announced = announces_host(text, len);
        if (at + put_len + 1 > size)
            break;
        memcpy(out + at, put, put_len);
        at += put_len;
        text += len ? len : 1;
    }
    out[at] = '\0';
    return at;
}

/* --- saying it --------------------------------------------------------------------- */

static bool is_error_line(const char *line)
{
    return vanta_has_prefix(line, "ERROR: ") || vanta_has_prefix(line, "npm ERR!") ||
           vanta_has_prefix(line, "npm error");
}

/* The last lines that say most, joined by " / ": those marked as errors, else any. */
static void talk_end(const char *talk, char out[512])
{
    char kept[4][256];
    unsigned n = 0, pass;

    for (pass = 0; pass < 2 && n == 0; pass++) {
        const char *line = talk;

        while (*line) {
            size_t len = strcspn(line, "\r\n");

            if (len > 0 && (pass == 1 || is_error_line(line)))
                snprintf(kept[n++ % 4], sizeof kept[0], "%.*s", (int)len, line);
            line += len + strspn(line + len, "\r\n");
        }
    }
    out[0] = '\0';
    for (pass = n > 4 ? n - 4 : 0; pass < n; pass++) {
        char clean[256];
        size_t at = strlen(out);

        vanta_package_scrub(kept[pass % 4], clean, sizeof clean);
        snprintf(out + at, 512 - at, "%s%s", at ? " / " : "", clean);
    }
}

enum vanta_status vanta_package_explain(const struct vanta_package *package,
                                        int exit_code, const char *talk,
                                        struct vanta_error *err)
{
    const struct rule *rule = find_rule(talk);
    const char *tool = strcmp(package->index, "npm") == 0 ? "npm" : "pip";
    char end[512];

    if (rule) {
        vanta_fail(err, rule->status, "%s %s: %s", package->name, package->version,
                   rule->what);
        vanta_hint(err, "%s", rule->hint);
        return rule->status;
    }
    talk_end(talk, end);
    vanta_fail(err, VANTA_ERR_TOOL, "%s %s: %s ended with %d%s%s", package->name,
               package->version, tool, exit_code, end[0] ? ": " : " and said nothing",
               end);
    vanta_hint(err, "try `%s` by hand, or use another source",
               strcmp(tool, "npm") == 0 ? "npm ping" : "pip download --no-deps pip");
    return VANTA_ERR_TOOL;
}
