#include "engines/speech_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

#define KEY_FILE_MAX ((size_t)4096)
/* So many bytes of the key in a row are taken for a part of it. */
#define PART_BYTES ((size_t)8)
#define HIDDEN "[key]"

static const char *variable_text(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* A compiler may leave out a memset of what is never read again. */
static void wipe(void *memory, size_t len)
{
    volatile char *p = memory;

    while (len-- > 0)
        *p++ = 0;
}

void vanta_speech_key_wipe(struct vanta_speech_key *key)
{
    wipe(key, sizeof *key);
}

/* Visible ASCII only: what stands in a header line may not end it. */
static bool is_visible(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

static enum vanta_status take_key(struct vanta_speech_key *key, const char *text,
                                  size_t len, struct vanta_error *err)
{
    while (len > 0 && memchr(" \t\r\n", *text, 4)) {
        text++;
        len--;
    }
    while (len > 0 && memchr(" \t\r\n", text[len - 1], 4))
        len--;
    if (len == 0) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s holds nothing", key->from);
    } else if (len >= sizeof key->text) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s holds %zu bytes, more than a key has",
                   key->from, len);
    } else if (!is_visible(text, len)) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s holds something that is no key: it has spaces, "
                   "line breaks or other characters that no key has", key->from);
    } else {
        memcpy(key->text, text, len);
        key->text[len] = '\0';
        return VANTA_OK;
    }
    vanta_hint(err, "put the key alone there, as https://platform.openai.com/api-keys "
                    "gave it");
    return VANTA_ERR_AUTH;
}

/* Judged by the open file, so that it cannot be exchanged in between. */
static enum vanta_status judge_file(int fd, const char *path, struct vanta_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s: not a regular file", path);
    } else if (st.st_uid != geteuid()) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s: the key's file belongs to another user", path);
        vanta_hint(err, "make a file of your own, and close it to others: chmod 600 FILE");
    } else if (st.st_mode & 077) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s: others can read or change the key's file "
                   "(mode %04o)", path, (unsigned)(st.st_mode & 07777));
        vanta_hint(err, "close it to others: chmod 600 '%s'; if they may have read it, make "
                        "a new key", path);
    } else {
        return VANTA_OK;
    }
    return VANTA_ERR_AUTH;
}

static enum vanta_status read_all(int fd, const char *path, char text[KEY_FILE_MAX + 1],
                                  size_t *len, struct vanta_error *err)
{
    ssize_t n = 1;

    *len = 0;
    while (*len <= KEY_FILE_MAX && n != 0) {
        n = read(fd, text + *len, KEY_FILE_MAX + 1 - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vanta_fail(err, VANTA_ERR_AUTH, "%s: %s", path, strerror(errno));
        *len += (size_t)n;
        if (*len == KEY_FILE_MAX + 1)
            return vanta_fail(err, VANTA_ERR_AUTH,
                              "%s: larger than %zu bytes: this is not a key's file", path,
                              KEY_FILE_MAX);
    }
    return VANTA_OK;
}

static enum vanta_status read_key_file(const char *path, const char *variable,
                                       struct vanta_speech_key *key,
                                       struct vanta_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char text[KEY_FILE_MAX + 1];
    enum vanta_status status;
    size_t len = 0;

    vanta_format(key->from, sizeof key->from, "the file %s", path);
    if (fd < 0) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s (named by %s_FILE): %s", path, variable,
                   strerror(errno));
        vanta_hint(err, "set %s_FILE to the file that holds the key, or unset it",
                   variable);
        return VANTA_ERR_AUTH;
    }
    status = judge_file(fd, path, err);
    if (status == VANTA_OK)
        status = read_all(fd, path, text, &len, err);
    close(fd);
    if (status == VANTA_OK)
        status = take_key(key, text, len, err);
    else
        vanta_hint(err, "name a file that holds the key alone");
    wipe(text, sizeof text);
    return status;
}

enum vanta_status vanta_speech_key_read(const char *variable, struct vanta_speech_key *key,
                                        struct vanta_error *err)
{
    const char *value = variable_text(variable), *path;
    char file_variable[128];

    memset(key, 0, sizeof *key);
    if (value) {
        vanta_format(key->from, sizeof key->from, "%s", variable);
        return take_key(key, value, strlen(value), err);
    }
    path = vanta_format(file_variable, sizeof file_variable, "%s_FILE", variable)
               ? variable_text(file_variable)
               : NULL;
    if (path)
        return read_key_file(path, variable, key, err);
    vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s is not set", variable);
    vanta_hint(err, "export %s=..., or %s_FILE=FILE with a file that only you can read",
               variable, variable);
    return VANTA_ERR_NOT_FOUND;
}

/* --- keeping it out of texts --- */

/* How many bytes at text are, in this order, somewhere in the key. */
static size_t part_at(const char *text, const char *key)
{
    size_t most = 0, n;

    for (; *key; key++) {
        for (n = 0; key[n] && text[n] == key[n]; n++)
            continue;
        if (n > most)
            most = n;
    }
    return most;
}

static void replace(char *at, size_t len)
{
    size_t n = sizeof HIDDEN - 1;

    if (len < n) { /* no room for the word */
        memset(at, '*', len);
        return;
    }
    memcpy(at, HIDDEN, n);
    memmove(at + n, at + len, strlen(at + len) + 1);
}

/* "sk-ab**********yz": the ends of a key, as a server shows it. */
static void hide_starred(char *text)
{
    char *star, *start;

    while ((star = strstr(text, "***")) != NULL) {
        size_t len;

        for (start = star; start > text && !strchr(" \"'<>()", start[-1]); start--)
            continue;
        len = strcspn(start, " \"'<>()");
        if (len >= sizeof HIDDEN - 1)
            replace(start, len);
        else
            memset(start, '.', len);
        text = start;
    }
}

void vanta_speech_key_hide(const struct vanta_speech_key *key, char *text)
{
    size_t len = key ? strlen(key->text) : 0;
    size_t least = len < PART_BYTES ? len : PART_BYTES;
    char *p;

    /* Of one to three letters nothing is a secret, and every text has them. */
    for (p = text; least > 3 && *p; p++) {
        size_t n = part_at(p, key->text);

        if (n >= least)
            replace(p, n);
    }
    hide_starred(text);
}

/* --- the account --- */

static enum vanta_status take_base(struct vanta_speech_account *account, const char *text,
                                   struct vanta_error *err)
{
    const char *why = NULL;
    struct vanta_url url, own;
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '/')
        n--;
    /* Room for what a request puts behind it. */
    if (n + 256 >= sizeof account->base) {
        why = "it is too long";
    } else {
        memcpy(account->base, text, n);
        account->base[n] = '\0';
        if (vanta_url_parse(account->base, &url, &why)) {
            if (strpbrk(account->base, "?#"))
                why = "it has a query or fragment";
            else if (!url.https && !vanta_url_is_loopback(&url))
                why = "a key goes over https only, or to this machine";
        }
    }
    if (why) {
        account->base[0] = '\0';
        vanta_fail(err, VANTA_ERR_USAGE,
                   "the speech API's address in OPENAI_BASE_URL cannot be used: %s", why);
        vanta_hint(err, "set OPENAI_BASE_URL to an https address as %s, or unset it",
                   VANTA_SPEECH_ENDPOINT);
        return VANTA_ERR_USAGE;
    }
    vanta_url_origin(&url, account->origin);
    account->is_openai = vanta_url_parse(VANTA_SPEECH_ENDPOINT, &own, NULL) &&
                         vanta_url_same_origin(&url, &own);
    return VANTA_OK;
}

static enum vanta_status take_identifier(char out[128], const char *first,
                                         const char *second, struct vanta_error *err)
{
    const char *name = variable_text(first) ? first : second;
    const char *value = variable_text(name);
    size_t len = value ? strlen(value) : 0;

    if (!is_visible(value, len) || len >= 128) {
        vanta_fail(err, VANTA_ERR_USAGE, "%s holds something that is no identifier", name);
        vanta_hint(err, "set it to the identifier alone (org-..., proj_...), or unset it");
        return VANTA_ERR_USAGE;
    }
    if (value)
        memcpy(out, value, len + 1);
    return VANTA_OK;
}

enum vanta_status vanta_speech_account_read(const char *base_url,
                                            struct vanta_speech_account *account,
                                            struct vanta_error *err)
{
    const char *base = base_url ? base_url : variable_text("OPENAI_BASE_URL");
    enum vanta_status status;

    memset(account, 0, sizeof *account);
    status = take_base(account, base ? base : VANTA_SPEECH_ENDPOINT, err);
    if (status == VANTA_OK)
        status = take_identifier(account->organization, "OPENAI_ORG_ID",
                                 "OPENAI_ORGANIZATION", err);
    if (status == VANTA_OK)
        status = take_identifier(account->project, "OPENAI_PROJECT_ID", "OPENAI_PROJECT",
                                 err);
    return status;
}
