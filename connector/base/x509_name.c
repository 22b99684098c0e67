/* See x509_name.h. */
#include "base/x509_name.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

enum { MAX_NAME_LEN = 4096 };

iscep_status iscep_x509_name_emit(iscep_buf *out, const X509_NAME *name, iscep_error *err)
{
    iscep_buf_init(out, MAX_NAME_LEN);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
        BIO_free(bio);
        return iscep_error_nomem(err);
    }
    long len = BIO_get_mem_data(bio, &text);
    iscep_buf_append(out, text, (size_t)len);
    BIO_free(bio);
    iscep_buf_text(out);
    if (len > MAX_NAME_LEN)
        return iscep_error_set(err, ISCEP_USAGE, "name_too_long", "a name is longer than %d characters",
                               MAX_NAME_LEN);
    return iscep_buf_status(out, err);
}
