/* Secrets: see secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_SECRET_LEN = 64 * 1024 };

struct iscep_secret {
    size_t len;
    uint8_t *value; /* len bytes and a NUL, on pages of their own */
};

/* Pages that are not in a core file and, as far as RLIMIT_MEMLOCK goes, not in swap. NULL: no memory. */
static uint8_t *map_pages(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    (void)mlock(pages, size);
    (void)madvise(pages, size, MADV_DONTDUMP);
    return pages;
}

iscep_status iscep_secret_new(iscep_secret **out, iscep_bytes value, iscep_error *err)
{
    iscep_secret *secret = malloc(sizeof *secret);
    uint8_t *pages = secret != NULL ? map_pages(value.len + 1) : NULL;
    if (pages == NULL) {
        free(secret);
        return iscep_error_nomem(err);
    }
    *secret = (iscep_secret){.len = value.len, .value = pages};
    if (value.len > 0)
        memcpy(secret->value, value.data, value.len);
    secret->value[value.len] = '\0';
    *out = secret;
    return ISCEP_OK;
}

/* Reads until the end or the buffer is full; -1 with errno. */
static ssize_t read_all(int fd, uint8_t *data, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, data + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static size_t without_line_end(const uint8_t *data, size_t len)
{
    if (len > 0 && data[len - 1] == '\n')
        len--;
    if (len > 0 && data[len - 1] == '\r')
        len--;
    return len;
}

iscep_status iscep_secret_load(iscep_secret **out, const char *path, iscep_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "secret_unreadable", "cannot open secret file %s: %s", path,
                               strerror(errno));
    uint8_t data[MAX_SECRET_LEN + 1];
    ssize_t got = read_all(fd, data, sizeof data);
    int read_errno = errno;
    close(fd);
    iscep_status status;
    if (got < 0) {
        status = iscep_error_set(err, ISCEP_CONFIG, "secret_unreadable", "cannot read secret file %s: %s",
                                 path, strerror(read_errno));
    } else if (got > MAX_SECRET_LEN) {
        status = iscep_error_set(err, ISCEP_CONFIG, "secret_too_large",
                                 "secret file %s is larger than %d bytes", path, MAX_SECRET_LEN);
    } else {
        size_t len = without_line_end(data, (size_t)got);
        if (len == 0)
            status = iscep_error_set(err, ISCEP_CONFIG, "secret_empty", "secret file %s is empty", path);
        else
            status = iscep_secret_new(out, iscep_bytes_of(data, len), err);
    }
    OPENSSL_cleanse(data, sizeof data);
    return status;
}

void iscep_secret_free(iscep_secret *secret)
{
    if (secret == NULL)
        return;
    OPENSSL_cleanse(secret->value, secret->len);
    munmap(secret->value, secret->len + 1);
    free(secret);
}

iscep_bytes iscep_secret_reveal(const iscep_secret *secret)
{
    return iscep_bytes_of(secret->value, secret->len);
}

bool iscep_secret_equals(const iscep_secret *secret, iscep_bytes value)
{
    const iscep_bytes own = iscep_secret_reveal(secret);
    return own.len == value.len && CRYPTO_memcmp(own.data, value.data, own.len) == 0;
}
