#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/stream.h"

#define TELL_BYTES ((uint64_t)4 * 1024 * 1024)

enum vanta_status vanta_digest_init(struct vanta_digest *d, enum vanta_digest_kind kind,
                                    struct vanta_error *err)
{
    const EVP_MD *md = kind == VANTA_DIGEST_SHA256 ? EVP_sha256() : EVP_sha512();
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!context)
        return vanta_fail_memory(err);
    if (EVP_DigestInit_ex(context, md, NULL) != 1) {
        EVP_MD_CTX_free(context);
        return vanta_fail(err, VANTA_ERR_INTERNAL, "libcrypto has no SHA-2");
    }
    d->context = context;
    d->kind = kind;
    return VANTA_OK;
}

void vanta_digest_update(struct vanta_digest *d, const void *data, size_t len)
{
    if (d->context)
        EVP_DigestUpdate(d->context, data, len);
}

size_t vanta_digest_final(struct vanta_digest *d, uint8_t out[VANTA_DIGEST_BYTES_MAX])
{
    unsigned len = 0;

    if (d->context && EVP_DigestFinal_ex(d->context, out, &len) != 1)
        len = 0;
    vanta_digest_free(d);
    return len;
}

void vanta_sha256_to_hex(const uint8_t digest[VANTA_SHA256_BYTES],
                         char hex[VANTA_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < VANTA_SHA256_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * VANTA_SHA256_BYTES] = '\0';
}

static uint8_t nibble(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool vanta_sha256_from_hex(const char *hex, uint8_t out[VANTA_SHA256_BYTES])
{
    bool is_hex = vanta_sha256_is_hex(hex);
    size_t i;

    for (i = 0; i < VANTA_SHA256_BYTES; i++)
        out[i] = is_hex ? (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1])) : 0;
    return is_hex;
}

void vanta_digest_hex(struct vanta_digest *d, char hex[VANTA_SHA256_HEX])
{
    uint8_t raw[VANTA_DIGEST_BYTES_MAX];

    hex[0] = '\0';
    if (vanta_digest_final(d, raw) == VANTA_SHA256_BYTES)
        vanta_sha256_to_hex(raw, hex);
}

void vanta_digest_free(struct vanta_digest *d)
{
    EVP_MD_CTX_free(d->context);
    d->context = NULL;
}

bool vanta_sha256_is_hex(const char *hex)
{
    return strspn(hex, "0123456789abcdef") == 64 && hex[64] == '\0';
}

enum vanta_status vanta_sha256_buffer(const void *data, size_t len,
                                      char hex[VANTA_SHA256_HEX], struct vanta_error *err)
{
    struct vanta_digest d = {0};
    enum vanta_status status = vanta_digest_init(&d, VANTA_DIGEST_SHA256, err);

    if (status == VANTA_OK) {
        vanta_digest_update(&d, data, len);
        vanta_digest_hex(&d, hex);
    }
    vanta_digest_free(&d);
    return status;
}

struct hash_job {
    struct vanta_digest digest;
    uint64_t bytes;
    const char *name;
    vanta_hash_progress *progress;
    void *arg;
    const atomic_bool *cancel;
};

static enum vanta_status hash_block(void *arg, const uint8_t *data, size_t len,
                                    struct vanta_error *err)
{
    struct hash_job *job = arg;

    if (job->cancel && atomic_load(job->cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped while it was hashed",
                          job->name);
    vanta_digest_update(&job->digest, data, len);
    job->bytes += len;
    if (job->progress && (job->bytes % TELL_BYTES == 0 || len == 0))
        job->progress(job->arg, job->bytes);
    return VANTA_OK;
}

enum vanta_status vanta_sha256_fd(int fd, const char *name, char hex[VANTA_SHA256_HEX],
                                  uint64_t *size_bytes, vanta_hash_progress *progress,
                                  void *arg, const atomic_bool *cancel,
                                  struct vanta_error *err)
{
    struct hash_job job = {
        .name = name, .progress = progress, .arg = arg, .cancel = cancel};
    enum vanta_status status = vanta_digest_init(&job.digest, VANTA_DIGEST_SHA256, err);

    if (status == VANTA_OK)
        status = vanta_stream_file(fd, name, NULL, hash_block, &job, err);
    if (status == VANTA_OK) {
        vanta_digest_hex(&job.digest, hex);
        if (size_bytes)
            *size_bytes = job.bytes;
    }
    vanta_digest_free(&job.digest);
    return status;
}

enum vanta_status vanta_sha256_file(const char *path, char hex[VANTA_SHA256_HEX],
                                    uint64_t *size_bytes, vanta_hash_progress *progress,
                                    void *arg, const atomic_bool *cancel,
                                    struct vanta_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum vanta_status status;
    struct stat st;

    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a regular file", path);
    else
        status = vanta_sha256_fd(fd, path, hex, size_bytes, progress, arg, cancel, err);
    close(fd);
    return status;
}
