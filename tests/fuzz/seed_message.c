/*
 * For make_seeds.sh: reads a PKCS#10 request on stdin and writes, on stdout, the envelope around it or (argument
 * "message") the pkiMessage around that. OpenSSL's program knows no SCEP attributes.
 */
#include <string.h>

#include "base/x509.h"
#include "pki_message.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/scep_message.h"

int main(int argc, char **argv)
{
    static uint8_t request[ISCEP_CSR_MAX_LEN];
    ISCEP_AUTO_BUF envelope, message;
    size_t len = fread(request, 1, sizeof request, stdin);
    iscep_buf_init(&envelope, ISCEP_PKI_MESSAGE_MAX_LEN);
    iscep_buf_init(&message, ISCEP_PKI_MESSAGE_MAX_LEN);
    scep_message_encipher(&envelope, iscep_bytes_of(request, len));
    scep_message_sign(&message, iscep_buf_bytes(&envelope));
    const iscep_buf *out = argc > 1 && strcmp(argv[1], "message") == 0 ? &message : &envelope;
    return fwrite(out->data, 1, out->len, stdout) == out->len ? EXIT_SUCCESS : EXIT_FAILURE;
}
