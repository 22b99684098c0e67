/* See host_state.h. */
#include "host_state.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/bytes.h"

enum { MAX_LINE_LEN = 4096, INDEX_SERIAL_COLUMN = 3 };

iscep_status chaos_serial_add(chaos_text_set *out, const char *hex, iscep_error *err)
{
    char upper[CHAOS_TEXT_SIZE] = "";
    if (hex == NULL || strlen(hex) >= sizeof(upper))
        return iscep_error_set(err, ISCEP_PROTOCOL, "serial", "a serial number is absent or too long");
    hex += strspn(hex, "0");
    for (size_t i = 0; hex[i] != '\0'; i++)
        upper[i] = (char)toupper((unsigned char)hex[i]);
    return chaos_text_set_add(out, upper, err);
}

iscep_status chaos_serial_add_number(chaos_text_set *out, const ASN1_INTEGER *serial, iscep_error *err)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    iscep_status status = hex != NULL ? chaos_serial_add(out, hex, err) : iscep_error_nomem(err);
    OPENSSL_free(hex);
    BN_free(number);
    return status;
}

iscep_status chaos_thumbprint_add(chaos_text_set *out, const X509 *cert, iscep_error *err)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ISCEP_AUTO_BUF hex;
    iscep_buf_init(&hex, CHAOS_TEXT_SIZE);
    if (X509_digest(cert, EVP_sha1(), digest, &len) != 1)
        return iscep_error_set(err, ISCEP_NOMEM, "thumbprint", "a certificate has no thumbprint");
    iscep_hex_encode(&hex, iscep_bytes_of(digest, len));
    return chaos_text_set_add(out, iscep_buf_text(&hex), err);
}

static iscep_status cannot_read(const char *path, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_STORAGE, "file", "%s: %s", path,
                           errno != 0 ? strerror(errno) : "cannot be read");
}

static iscep_status add_withheld(const char *path, chaos_text_set *serials, iscep_error *err)
{
    FILE *file = fopen(path, "re");
    X509 *cert = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file != NULL)
        fclose(file);
    if (cert == NULL)
        return cannot_read(path, err);
    iscep_status status = chaos_serial_add_number(serials, X509_get0_serialNumber(cert), err);
    X509_free(cert);
    return status;
}

iscep_status chaos_host_withheld(const char *dir, chaos_text_set *serials, iscep_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/withheld", dir);
    DIR *listing = opendir(path);
    if (listing == NULL)
        return cannot_read(path, err);
    iscep_status status = ISCEP_OK;
    for (const struct dirent *entry; status == ISCEP_OK && (entry = readdir(listing)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".pem") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/withheld/%s", dir, entry->d_name);
        status = add_withheld(path, serials, err);
    }
    closedir(listing);
    return status;
}

static iscep_status add_line(char *line, chaos_text_set *issued, chaos_text_set *revoked, iscep_error *err)
{
    const char *columns[INDEX_SERIAL_COLUMN + 1] = {NULL};
    for (size_t i = 0; i <= INDEX_SERIAL_COLUMN; i++)
        columns[i] = strsep(&line, "\t");
    const char *serial = columns[INDEX_SERIAL_COLUMN];
    iscep_status status = chaos_serial_add(issued, serial, err);
    if (status == ISCEP_OK && columns[0][0] == 'R')
        status = chaos_serial_add(revoked, serial, err);
    return status;
}

iscep_status chaos_host_index(const char *dir, chaos_text_set *issued, chaos_text_set *revoked,
                              iscep_error *err)
{
    char path[PATH_MAX], line[MAX_LINE_LEN];
    snprintf(path, sizeof(path), "%s/index.txt", dir);
    FILE *index = fopen(path, "re");
    if (index == NULL)
        return cannot_read(path, err);
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && fgets(line, sizeof(line), index) != NULL)
        status = add_line(line, issued, revoked, err);
    fclose(index);
    chaos_text_set_seal(issued);
    chaos_text_set_seal(revoked);
    return status;
}

static X509_CRL *read_crl(const char *path, X509 *ca)
{
    FILE *file = fopen(path, "re");
    X509_CRL *crl = file != NULL ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;
    if (file != NULL)
        fclose(file);
    if (crl != NULL && X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

iscep_status chaos_host_crl(const char *dir, X509 *ca, chaos_text_set *revoked, iscep_error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/crl.pem", dir);
    X509_CRL *crl = read_crl(path, ca);
    if (crl == NULL)
        return iscep_error_set(err, ISCEP_PROTOCOL, "crl", "%s is no CRL that the CA has signed", path);
    iscep_status status = ISCEP_OK;
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
    for (int i = 0; i < sk_X509_REVOKED_num(entries) && status == ISCEP_OK; i++)
        status = chaos_serial_add_number(
            revoked, X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i)), err);
    X509_CRL_free(crl);
    chaos_text_set_seal(revoked);
    return status;
}
