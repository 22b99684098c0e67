/* See handed_over.h. */
#include "ctl/handed_over.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { DER_SEQUENCE = 0x30, CHUNK_LEN = 4096, MAX_TEXT_LEN = 2 * ISCEP_CSR_MAX_LEN };

static iscep_status refuse(iscep_error *err, const char *code, const char *why)
{
    return iscep_error_set(err, ISCEP_USAGE, code, "%s", why);
}

static iscep_status wait_for_stdin(const iscep_env *env, int64_t deadline_mono_ms, iscep_error *err)
{
    const int64_t left_ms = deadline_mono_ms - iscep_now_mono_ms(env);
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const int ready = left_ms <= 0 ? 0 : poll(&input, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    if (ready == 0)
        return refuse(err, "stdin", "standard input has not ended in time");
    return ready > 0 || errno == EINTR ? ISCEP_OK : refuse(err, "stdin", strerror(errno));
}

iscep_status ctl_read_stdin(iscep_buf *out, const iscep_env *env, int64_t deadline_mono_ms, iscep_error *err)
{
    for (;;) {
        uint8_t chunk[CHUNK_LEN];
        iscep_status status = wait_for_stdin(env, deadline_mono_ms, err);
        if (status != ISCEP_OK)
            return status;
        const ssize_t len = read(STDIN_FILENO, chunk, sizeof chunk);
        if (len < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (len < 0)
            return refuse(err, "stdin", strerror(errno));
        if (len == 0)
            return out->len > 0 ? ISCEP_OK : refuse(err, "stdin", "there is nothing on standard input");
        iscep_buf_append(out, chunk, (size_t)len);
        if (iscep_buf_status(out, NULL) != ISCEP_OK)
            return refuse(err, "stdin", "standard input is too long for a request or a certificate");
    }
}

static bool begins_with(iscep_bytes text, const char *start)
{
    const size_t len = strlen(start);
    return text.len >= len && memcmp(text.data, start, len) == 0;
}

static iscep_bytes skip_white_space(iscep_bytes text)
{
    while (text.len > 0 && isspace(text.data[0]))
        text = iscep_bytes_of(text.data + 1, text.len - 1);
    return text;
}

/* The block that is meant is the first: what is before it would be for others to interpret. */
static iscep_status read_pem(iscep_buf *der, iscep_x509_kind kind, iscep_bytes text, iscep_error *err)
{
    static const char *const requests[] = {"-----BEGIN CERTIFICATE REQUEST-----",
                                           "-----BEGIN NEW CERTIFICATE REQUEST-----"};
    const bool is_meant = kind == ISCEP_X509_CERTIFICATE
                              ? begins_with(text, "-----BEGIN CERTIFICATE-----")
                              : begins_with(text, requests[0]) || begins_with(text, requests[1]);
    iscep_x509_kind found;
    if (is_meant && iscep_x509_read(der, &found, text, NULL) == ISCEP_OK && found == kind)
        return ISCEP_OK;
    return refuse(err, "pem", "the PEM is not what is wanted here");
}

static iscep_status read_base64(iscep_buf *der, iscep_bytes text, iscep_error *err)
{
    ISCEP_AUTO_BUF dense;
    iscep_buf_init(&dense, MAX_TEXT_LEN);
    for (size_t i = 0; i < text.len; i++)
        if (!isspace(text.data[i]))
            iscep_buf_append(&dense, &text.data[i], 1);
    iscep_status status = iscep_buf_status(&dense, err);
    if (status == ISCEP_OK)
        status = iscep_base64_decode(der, iscep_buf_bytes(&dense), NULL);
    iscep_buf_wipe(&dense);
    return status == ISCEP_OK && der->len > 0 && der->data[0] == DER_SEQUENCE
               ? ISCEP_OK
               : refuse(err, "x509_unrecognised", "it is neither DER nor PEM nor base64 of DER");
}

iscep_status ctl_read_handed_over(iscep_buf *der, iscep_x509_kind kind, iscep_bytes text, iscep_error *err)
{
    if (text.len > 0 && text.data[0] == DER_SEQUENCE) {
        iscep_buf_append(der, text.data, text.len);
        return iscep_buf_status(der, NULL) == ISCEP_OK
                   ? ISCEP_OK
                   : refuse(err, "x509_too_long", "it is too long for a request or a certificate");
    }
    text = skip_white_space(text);
    return begins_with(text, "-----BEGIN ") ? read_pem(der, kind, text, err) : read_base64(der, text, err);
}

iscep_status ctl_read_handed_over_file(iscep_buf *der, iscep_x509_kind kind, const char *path,
                                       const iscep_env *env, int64_t deadline_mono_ms, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_TEXT_LEN);
    iscep_status status = strcmp(path, "-") == 0 ? ctl_read_stdin(&text, env, deadline_mono_ms, err)
                                                 : iscep_file_read(&text, NULL, path, err);
    if (status == ISCEP_OK) {
        status = ctl_read_handed_over(der, kind, iscep_buf_bytes(&text), err);
        if (status != ISCEP_OK)
            iscep_error_prefix(err, path);
    } else {
        err->status = status = ISCEP_USAGE;
    }
    iscep_buf_wipe(&text);
    return status;
}
