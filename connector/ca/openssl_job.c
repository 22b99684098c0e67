/* See openssl_job.h. */
#include "ca/openssl_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/crl.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "ca/index_txt.h"

enum {
    MAX_INDEX_LEN = 256 * 1024 * 1024,
    MAX_CRL_LEN = 256 * 1024 * 1024,
    MAX_NUMBER_LEN = 128,
    LOCK_PAUSE_MS = 20,
    MAX_ROUNDS = 5, /* how often somebody else may change index.txt under us */
    LOCK_MODE = 0660,
};

#define SECONDS_A_DAY INT64_C(86400)

static void conclude(iscep_openssl_job *job, iscep_ca_outcome outcome, const char *message)
{
    job->outcome = outcome;
    iscep_text_copy(job->message, sizeof job->message, message);
}

/* --- the lock --- */

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
}

static void name_lock_file(char *out, size_t size, const iscep_ca_options *options)
{
    if (options->lock_file != NULL)
        snprintf(out, size, "%s", options->lock_file);
    else
        snprintf(out, size, "%s.lock", options->index_file);
}

/* The descriptor that holds the lock; -1: concluded. */
static int take_lock(iscep_openssl_job *job)
{
    char path[4096];
    iscep_error err;
    name_lock_file(path, sizeof path, job->options);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (fd < 0) {
        iscep_error_set(&err, ISCEP_STORAGE, NULL, "cannot open the lock file %s: %s", path, strerror(errno));
        conclude(job, ISCEP_CA_FAILED, err.message);
        return -1;
    }
    while (!iscep_file_lock(fd)) {
        if (iscep_now_mono_ms(job->env) < job->lock_by_mono_ms && !atomic_load(job->is_stopping)) {
            pause_briefly();
            continue;
        }
        close(fd);
        iscep_error_set(&err, ISCEP_STORAGE, NULL, "somebody else holds the lock %s", path);
        conclude(job, ISCEP_CA_BUSY, err.message);
        return -1;
    }
    return fd;
}

/* --- index.txt --- */

/* The one row of the serial number; the count of such rows. */
static size_t find_row(iscep_index_row *out, iscep_bytes index, const char *serial)
{
    iscep_index_row row;
    size_t count = 0;
    while (iscep_index_read(&row, &index)) {
        if (strcmp(row.serial, serial) != 0 || row.type == ISCEP_INDEX_FOREIGN)
            continue;
        *out = row;
        count++;
    }
    return count;
}

/* index with row marked; all else byte for byte as it was. */
static iscep_status emit_marked(iscep_buf *out, iscep_bytes index, const iscep_index_row *row,
                                const iscep_openssl_job *job, iscep_error *err)
{
    const uint8_t *behind = row->line.data + row->line.len;
    iscep_buf_append(out, index.data, (size_t)(row->line.data - index.data));
    iscep_index_emit_revoked(out, row, iscep_now_unix_ms(job->env) / 1000, job->reason);
    iscep_buf_append(out, behind, (size_t)(index.data + index.len - behind));
    return iscep_buf_status(out, err);
}

static iscep_status mark(iscep_buf *index, const struct stat *stamp, const iscep_index_row *row,
                         const iscep_openssl_job *job, iscep_error *err)
{
    ISCEP_AUTO_BUF marked;
    iscep_buf_init(&marked, index->max_len);
    iscep_status status = emit_marked(&marked, iscep_buf_bytes(index), row, job, err);
    if (status == ISCEP_OK)
        status = iscep_file_replace(job->options->index_file, iscep_buf_bytes(&marked), stamp, err);
    if (status != ISCEP_OK)
        return status;
    iscep_buf_clear(index);
    *index = marked;
    iscep_buf_init(&marked, 0); /* it has moved */
    return ISCEP_OK;
}

/* Reads index.txt and marks the entry; index holds the new text. Sets outcome to what the entry says: REVOKED or
 * ALREADY_REVOKED, or why there is nothing to do. */
static iscep_status update_index(iscep_buf *index, iscep_openssl_job *job, iscep_error *err)
{
    struct stat stamp;
    iscep_index_row row;
    iscep_status status = iscep_file_read(index, &stamp, job->options->index_file, err);
    if (status != ISCEP_OK)
        return status;
    size_t count = find_row(&row, iscep_buf_bytes(index), job->serial);
    if (count == 0)
        conclude(job, ISCEP_CA_NOT_FOUND, "index.txt does not know the serial number");
    else if (count > 1)
        conclude(job, ISCEP_CA_CONFLICT, "the serial number stands in index.txt more than once");
    else if (row.type == ISCEP_INDEX_REVOKED)
        conclude(job, ISCEP_CA_ALREADY_REVOKED, "");
    else if ((status = mark(index, &stamp, &row, job, err)) == ISCEP_OK)
        conclude(job, ISCEP_CA_REVOKED, "");
    return status;
}

/* Somebody who does not take our lock may change the file at any time: then all begins anew. */
static iscep_status update_index_in_peace(iscep_buf *index, iscep_openssl_job *job, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        iscep_buf_clear(index);
        status = update_index(index, job, err);
        if (status == ISCEP_OK || strcmp(err->code, "file_changed") != 0)
            return status;
    }
    return status;
}

/* --- crlnumber --- */

static bool is_hex(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

/* Adds one to a number in hex, in place; a carry out of the front goes before it. */
static void increment(char *hex, size_t size)
{
    size_t len = strlen(hex), at = len;
    while (at > 0) {
        char *digit = &hex[--at];
        char upper = (char)(*digit >= 'a' ? *digit - 'a' + 'A' : *digit);
        *digit = (char)(upper == 'F' ? '0' : upper == '9' ? 'A' : upper + 1);
        if (upper != 'F')
            return;
    }
    if (len + 2 < size) { /* whole bytes, as openssl ca writes them */
        memmove(hex + 2, hex, len + 1);
        hex[0] = '0';
        hex[1] = '1';
    }
}

/* The file holds the next number. It is raised before the number is used: one that is skipped does no harm, one that is
 * used twice would (RFC 5280, 5.2.3). */
static iscep_status take_crl_number(char number[MAX_NUMBER_LEN], const char *path, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_NUMBER_LEN / 2);
    iscep_status status = iscep_file_read(&text, NULL, path, err);
    if (status != ISCEP_OK)
        return status;
    snprintf(number, MAX_NUMBER_LEN, "%s", iscep_buf_text(&text));
    number[strcspn(number, "\r\n")] = '\0';
    if (!is_hex(number))
        return iscep_error_set(err, ISCEP_STORAGE, "crl_number", "%s does not hold a number in hex", path);
    char next[MAX_NUMBER_LEN];
    memcpy(next, number, sizeof next);
    increment(next, sizeof next);
    iscep_buf_clear(&text);
    iscep_buf_printf(&text, "%s\n", next);
    return iscep_file_replace(path, iscep_buf_bytes(&text), NULL, err);
}

/* --- the CRL --- */

iscep_status iscep_openssl_open_signer(iscep_keystore **out, const iscep_ca_options *options,
                                       iscep_error *err)
{
    iscep_secret *password = NULL;
    iscep_status status = ISCEP_OK;
    if (options->ca_key_password_file != NULL)
        status = iscep_secret_load(&password, options->ca_key_password_file, err);
    if (status == ISCEP_OK) {
        const iscep_keystore_source source = {
            .key = options->ca_key, .certificate = options->ca_certificate, .password = password};
        status = iscep_keystore_open(out, &source, err);
    }
    iscep_secret_free(password);
    return status;
}

/* A revoked entry whose serial number cannot be read would be missing: its certificate would count as valid again. */
static iscep_status refuse_lost_row(iscep_error *err)
{
    return iscep_error_set(
        err, ISCEP_CONFIG, "index_damaged",
        "index.txt has a revoked entry whose serial number cannot be read: a CRL without it would "
        "make that certificate valid again");
}

static iscep_status add_rows(iscep_crl *crl, iscep_bytes index, int64_t now_unix, iscep_error *err)
{
    iscep_index_row row;
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && iscep_index_read(&row, &index)) {
        if (row.type == ISCEP_INDEX_LOST)
            return refuse_lost_row(err);
        if (row.type != ISCEP_INDEX_REVOKED)
            continue;
        status = iscep_crl_add(
            crl,
            &(iscep_crl_entry){.serial = row.serial,
                               .revoked_unix = row.revoked_unix >= 0 ? row.revoked_unix : now_unix,
                               .reason = row.reason},
            err);
    }
    return status;
}

static bool wants_pem(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL && strcmp(dot, ".pem") == 0;
}

static iscep_status emit_crl(iscep_buf *out, const iscep_keystore *signer, iscep_bytes index,
                             const char *number, const iscep_openssl_job *job, iscep_error *err)
{
    int64_t now_unix = iscep_now_unix_ms(job->env) / 1000;
    const iscep_crl_facts facts = {.number = number,
                                   .this_update_unix = now_unix,
                                   .next_update_unix = now_unix + job->options->crl_days * SECONDS_A_DAY};
    iscep_crl *crl = NULL;
    iscep_status status = iscep_crl_new(&crl, signer, &facts, err);
    if (status == ISCEP_OK)
        status = add_rows(crl, index, now_unix, err);
    if (status == ISCEP_OK)
        status = iscep_crl_sign(out, crl, wants_pem(job->options->crl_file), err);
    iscep_crl_free(crl);
    return status;
}

static iscep_status make_crl(const iscep_keystore *signer, iscep_bytes index, const iscep_openssl_job *job,
                             iscep_error *err)
{
    char number[MAX_NUMBER_LEN];
    ISCEP_AUTO_BUF crl;
    iscep_buf_init(&crl, MAX_CRL_LEN);
    iscep_status status = take_crl_number(number, job->options->crl_number_file, err);
    if (status == ISCEP_OK)
        status = emit_crl(&crl, signer, index, number, job, err);
    if (status == ISCEP_OK)
        status = iscep_file_replace(job->options->crl_file, iscep_buf_bytes(&crl), NULL, err);
    return status;
}

static iscep_status publish(iscep_bytes index, const iscep_openssl_job *job, iscep_error *err)
{
    iscep_keystore *signer = NULL;
    iscep_status status = iscep_openssl_open_signer(&signer, job->options, err);
    if (status != ISCEP_OK)
        return status;
    status = make_crl(signer, index, job, err);
    iscep_keystore_close(signer);
    return status;
}

/* An entry that was marked before may have lost its CRL to a fault. */
static bool is_published(const iscep_openssl_job *job)
{
    ISCEP_AUTO_BUF crl;
    iscep_buf_init(&crl, MAX_CRL_LEN);
    return iscep_file_read(&crl, NULL, job->options->crl_file, NULL) == ISCEP_OK &&
           iscep_crl_names(iscep_buf_bytes(&crl), job->serial);
}

/* --- all of it --- */

static void run_locked(iscep_openssl_job *job)
{
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF index;
    iscep_buf_init(&index, MAX_INDEX_LEN);
    iscep_status status = update_index_in_peace(&index, job, &err);
    if (status != ISCEP_OK) {
        conclude(job, strcmp(err.code, "file_changed") == 0 ? ISCEP_CA_BUSY : ISCEP_CA_FAILED, err.message);
        return;
    }
    if (!iscep_ca_is_done(job->outcome) || (job->outcome == ISCEP_CA_ALREADY_REVOKED && is_published(job)))
        return;
    status = publish(iscep_buf_bytes(&index), job, &err);
    if (status == ISCEP_OK)
        return;
    iscep_error_prefix(&err, "marked in index.txt, but there is no new CRL");
    conclude(job, status == ISCEP_CONFIG ? ISCEP_CA_CRYPTOGRAPHY : ISCEP_CA_FAILED, err.message);
}

void iscep_openssl_job_run(iscep_openssl_job *job)
{
    int lock_fd = take_lock(job);
    if (lock_fd < 0)
        return;
    run_locked(job);
    iscep_file_unlock(lock_fd);
}
