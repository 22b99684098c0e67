/* See x509_read.h. */
#include "base/x509_read.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* PEM is a third longer, and people put text around it. */
enum { MAX_FILE_LEN = 4 * ISCEP_CERT_MAX_LEN };

static bool kind_of_label(const char *label, iscep_x509_kind *kind)
{
    bool is_request = strcmp(label, PEM_STRING_X509_REQ) == 0 || strcmp(label, PEM_STRING_X509_REQ_OLD) == 0;
    bool is_certificate = strcmp(label, PEM_STRING_X509) == 0;
    *kind = is_request ? ISCEP_X509_REQUEST : ISCEP_X509_CERTIFICATE;
    return is_request || is_certificate;
}

/* The first block that is a request or a certificate: a key before it is passed over, and cleansed. */
static bool read_pem(iscep_buf *der, iscep_x509_kind *kind, iscep_bytes content)
{
    BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);
    char *label = NULL, *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    bool is_found = false;
    while (bio != NULL && !is_found && PEM_read_bio(bio, &label, &header, &data, &len) == 1) {
        is_found = kind_of_label(label, kind);
        if (is_found)
            iscep_buf_append(der, data, (size_t)len);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text is an error to PEM_read_bio */
    return is_found;
}

static bool is_request(iscep_bytes der)
{
    const unsigned char *at = der.data;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)der.len);
    X509_REQ_free(req);
    return req != NULL;
}

static bool is_certificate(iscep_bytes der)
{
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    X509_free(x509);
    return x509 != NULL;
}

iscep_status iscep_x509_read(iscep_buf *der, iscep_x509_kind *kind, iscep_bytes content, iscep_error *err)
{
    if (content.len > 0 && content.len <= MAX_FILE_LEN) {
        /* DER first: a device may write a PEM of its choice into its request. */
        *kind = is_request(content) ? ISCEP_X509_REQUEST : ISCEP_X509_CERTIFICATE;
        if (*kind == ISCEP_X509_REQUEST || is_certificate(content)) {
            iscep_buf_append(der, content.data, content.len);
            return iscep_buf_status(der, err);
        }
        ERR_clear_error();
        if (read_pem(der, kind, content))
            return iscep_buf_status(der, err);
    }
    return iscep_error_set(err, ISCEP_USAGE, "x509_unrecognised",
                           "neither a PKCS#10 request nor an X.509 certificate, in DER or PEM");
}

iscep_status iscep_x509_read_file(iscep_buf *der, iscep_x509_kind *kind, const char *path, iscep_error *err)
{
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, MAX_FILE_LEN + 1);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "file", "cannot open %s: %s", path, strerror(errno));
    uint8_t *data = iscep_buf_reserve(&content, MAX_FILE_LEN + 1);
    if (data != NULL)
        content.len = fread(data, 1, MAX_FILE_LEN + 1, file);
    bool is_broken = ferror(file) != 0;
    fclose(file);
    iscep_status status = iscep_buf_status(&content, err);
    if (status == ISCEP_OK && is_broken)
        status = iscep_error_set(err, ISCEP_USAGE, "file", "cannot read %s", path);
    else if (status == ISCEP_OK)
        status = iscep_x509_read(der, kind, iscep_buf_bytes(&content), err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, path);
    iscep_buf_wipe(&content); /* there may have been a key in it */
    return status;
}
