/* index.txt and crl.pem under one lock. The index is written first: a CRL that could not be is made at the next chance. */
#include "ca_register.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "ossl_auto.h"
#include "state_file.h"

enum { CRL_MAX_LEN = 256 * 1024 * 1024, NUMBER_MAX_LEN = 64 };

/* unique_subject: a device may have more than one certificate. */
#define INDEX_ATTRIBUTES "unique_subject = no\n"

typedef struct file_name {
    char path[PATH_MAX];
} file_name;

static file_name in_dir(const iscep_ca_register *reg, const char *name)
{
    file_name out;
    snprintf(out.path, sizeof(out.path), "%s/%s", reg->dir, name);
    return out;
}

static iscep_status read_file(iscep_buf *out, const iscep_ca_register *reg, const char *name, size_t max_len,
                              iscep_error *err)
{
    iscep_buf_init(out, max_len);
    return iscep_state_file_read(out, in_dir(reg, name).path, err);
}

/* One that is gone is not empty: by an empty one nothing was ever issued, and nothing is revoked. */
static iscep_status check_index(const iscep_ca_register *reg, iscep_error *err)
{
    return iscep_state_file_exists(in_dir(reg, "index.txt").path)
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_STORAGE, NULL, "%s/index.txt is gone: restore it", reg->dir);
}

/* out is initialised in any case. */
static iscep_status read_index(iscep_buf *out, const iscep_ca_register *reg, iscep_error *err)
{
    iscep_status status = read_file(out, reg, "index.txt", ISCEP_CERT_INDEX_MAX_LEN, err);
    return status == ISCEP_OK ? check_index(reg, err) : status;
}

static iscep_status write_file(const iscep_ca_register *reg, const char *name, iscep_bytes content,
                               iscep_error *err)
{
    return iscep_state_file_write(in_dir(reg, name).path, 0644, content, err);
}

static iscep_crl_signer signer_of(const iscep_ca_register *reg)
{
    return (iscep_crl_signer){
        .crypto = reg->crypto, .ca = reg->ca, .now_unix = iscep_now_unix_ms(reg->env) / 1000};
}

/* NULL: there is none that can be read. */
static X509_CRL *load_crl(const iscep_ca_register *reg)
{
    ISCEP_AUTO_BUF pem;
    iscep_status status = read_file(&pem, reg, "crl.pem", CRL_MAX_LEN, NULL);
    OSSL_AUTO(X509_CRL) *crl = X509_CRL_new_ex(iscep_crypto_context(reg->crypto), NULL);
    if (!crl || status != ISCEP_OK || pem.len == 0)
        return NULL;
    OSSL_AUTO(BIO) *in = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509_CRL *read = in ? PEM_read_bio_X509_CRL(in, &crl, NULL, NULL) : NULL;
    ERR_clear_error();
    if (read)
        crl = NULL;
    return read;
}

/* crlnumber holds the next number, as openssl ca(1) has it; never one that was used already. */
static BIGNUM *next_number(const iscep_ca_register *reg, const X509_CRL *before)
{
    ISCEP_AUTO_BUF text;
    BIGNUM *number = NULL;
    if (read_file(&text, reg, "crlnumber", NUMBER_MAX_LEN, NULL) != ISCEP_OK ||
        BN_hex2bn(&number, iscep_buf_text(&text)) == 0)
        BN_hex2bn(&number, "1");
    OSSL_AUTO(BIGNUM) *used = before ? iscep_crl_number(before) : NULL;
    if (number && used && BN_cmp(number, used) <= 0 &&
        (!BN_copy(number, used) || BN_add_word(number, 1) != 1)) {
        BN_free(number);
        return NULL;
    }
    return number;
}

static iscep_status write_next_number(const iscep_ca_register *reg, const BIGNUM *number, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    OSSL_AUTO(BIGNUM) *next = BN_dup(number);
    char *hex = next && BN_add_word(next, 1) == 1 ? BN_bn2hex(next) : NULL;
    iscep_buf_init(&text, NUMBER_MAX_LEN);
    if (!hex)
        return iscep_error_nomem(err);
    iscep_buf_printf(&text, "%s\n", hex);
    OPENSSL_free(hex);
    iscep_status status = iscep_buf_status(&text, err);
    return status == ISCEP_OK ? write_file(reg, "crlnumber", iscep_buf_bytes(&text), err) : status;
}

static iscep_status write_crl(const iscep_ca_register *reg, X509_CRL *crl, iscep_error *err)
{
    char *data = NULL;
    OSSL_AUTO(BIO) *pem = BIO_new(BIO_s_mem());
    if (!pem || PEM_write_bio_X509_CRL(pem, crl) != 1)
        return iscep_crypto_error(err, ISCEP_SERVICE, "crl", "the CRL cannot be encoded");
    long len = BIO_get_mem_data(pem, &data);
    return write_file(reg, "crl.pem", iscep_bytes_of(data, (size_t)len), err);
}

/* Under the lock. */
static iscep_status make_crl(const iscep_ca_register *reg, const X509_CRL *before, iscep_bytes index,
                             X509_CRL **out, iscep_error *err)
{
    const iscep_crl_signer signer = signer_of(reg);
    OSSL_AUTO(BIGNUM) *number = next_number(reg, before);
    if (!number)
        return iscep_error_nomem(err);
    OSSL_AUTO(X509_CRL) *crl = NULL;
    iscep_status status = iscep_crl_make(&crl, &signer, index, number, err);
    if (status == ISCEP_OK)
        status = write_next_number(reg, number, err);
    if (status == ISCEP_OK)
        status = write_crl(reg, crl, err);
    if (status != ISCEP_OK)
        return status;
    *out = crl;
    crl = NULL;
    return ISCEP_OK;
}

/* Under the lock. */
static iscep_status refresh_crl(const iscep_ca_register *reg, iscep_bytes index, X509_CRL **out,
                                iscep_error *err)
{
    const iscep_crl_signer signer = signer_of(reg);
    OSSL_AUTO(X509_CRL) *before = load_crl(reg);
    if (!before || !iscep_crl_is_current(before, &signer, index))
        return make_crl(reg, before, index, out, err);
    *out = before;
    before = NULL;
    return ISCEP_OK;
}

iscep_status iscep_ca_register_crl(const iscep_ca_register *reg, X509_CRL **out, iscep_error *err)
{
    ISCEP_AUTO_BUF index;
    int lock = -1;
    iscep_buf_init(&index, 0);
    iscep_status status = iscep_state_lock_take(&lock, in_dir(reg, "index.txt.lock").path, err);
    if (status != ISCEP_OK)
        return status;
    status = read_index(&index, reg, err);
    if (status == ISCEP_OK)
        status = refresh_crl(reg, iscep_buf_bytes(&index), out, err);
    iscep_state_lock_release(lock);
    return status;
}

static iscep_status check_whole(const iscep_ca_register *reg, iscep_error *err)
{
    if (iscep_state_file_exists(in_dir(reg, "index.txt").path) ||
        !iscep_state_file_exists(in_dir(reg, "crl.pem").path))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, NULL,
                           "%s/crl.pem is there and index.txt is not: restore it, or remove both", reg->dir);
}

iscep_status iscep_ca_register_open(const iscep_ca_register *reg, iscep_error *err)
{
    static const struct {
        const char *name;
        const char *content;
    } files[] = {{"index.txt", ""}, {"index.txt.attr", INDEX_ATTRIBUTES}};
    iscep_status status = check_whole(reg, err);
    for (size_t i = 0; status == ISCEP_OK && i < sizeof(files) / sizeof(files[0]); i++) {
        if (!iscep_state_file_exists(in_dir(reg, files[i].name).path))
            status = write_file(reg, files[i].name, iscep_bytes_of_text(files[i].content), err);
    }
    OSSL_AUTO(X509_CRL) *crl = NULL;
    return status == ISCEP_OK ? iscep_ca_register_crl(reg, &crl, err) : status;
}

iscep_status iscep_ca_register_add(const iscep_ca_register *reg, const X509 *cert, iscep_error *err)
{
    ISCEP_AUTO_BUF line;
    int lock = -1;
    iscep_buf_init(&line, ISCEP_CERT_INDEX_MAX_LEN);
    iscep_status status = iscep_cert_index_add(&line, cert, err);
    if (status == ISCEP_OK)
        status = iscep_state_lock_take(&lock, in_dir(reg, "index.txt.lock").path, err);
    if (status != ISCEP_OK)
        return status;
    status = check_index(reg, err);
    if (status == ISCEP_OK)
        status = iscep_state_file_append(in_dir(reg, "index.txt").path, iscep_buf_bytes(&line), err);
    iscep_state_lock_release(lock);
    return status;
}

iscep_status iscep_ca_register_find(const iscep_ca_register *reg, iscep_bytes serial, iscep_cert_state *state,
                                    iscep_error *err)
{
    ISCEP_AUTO_BUF index;
    iscep_index_entry entry;
    iscep_status status = read_index(&index, reg, err);
    *state = status == ISCEP_OK ? iscep_cert_index_find(iscep_buf_bytes(&index), serial, &entry)
                                : ISCEP_CERT_UNKNOWN;
    return status;
}

/* Under the lock. index is what index.txt has afterwards. */
static iscep_status mark_revoked(const iscep_ca_register *reg, iscep_buf *index,
                                 const iscep_index_entry *entry, uint32_t reason, iscep_error *err)
{
    iscep_buf changed;
    int64_t now_unix = iscep_now_unix_ms(reg->env) / 1000;
    iscep_buf_init(&changed, ISCEP_CERT_INDEX_MAX_LEN);
    iscep_status status =
        iscep_cert_index_revoke(&changed, iscep_buf_bytes(index), entry, now_unix, reason, err);
    if (status == ISCEP_OK)
        status = write_file(reg, "index.txt", iscep_buf_bytes(&changed), err);
    iscep_buf_clear(index);
    *index = changed;
    return status;
}

/* Under the lock. */
static iscep_status revoke(const iscep_ca_register *reg, iscep_bytes serial, uint32_t reason,
                           iscep_cert_state *before, iscep_error *err)
{
    ISCEP_AUTO_BUF index;
    iscep_index_entry entry;
    iscep_status status = read_index(&index, reg, err);
    if (status != ISCEP_OK)
        return status;
    *before = iscep_cert_index_find(iscep_buf_bytes(&index), serial, &entry);
    if (*before == ISCEP_CERT_UNKNOWN || *before == ISCEP_CERT_AMBIGUOUS)
        return ISCEP_OK;
    if (*before == ISCEP_CERT_VALID)
        status = mark_revoked(reg, &index, &entry, reason, err);
    OSSL_AUTO(X509_CRL) *crl = NULL;
    return status == ISCEP_OK ? refresh_crl(reg, iscep_buf_bytes(&index), &crl, err) : status;
}

iscep_status iscep_ca_register_revoke(const iscep_ca_register *reg, iscep_bytes serial, uint32_t reason,
                                      iscep_cert_state *before, iscep_error *err)
{
    int lock = -1;
    *before = ISCEP_CERT_UNKNOWN;
    iscep_status status = iscep_state_lock_take(&lock, in_dir(reg, "index.txt.lock").path, err);
    if (status != ISCEP_OK)
        return status;
    status = revoke(reg, serial, reason, before, err);
    iscep_state_lock_release(lock);
    return status;
}
