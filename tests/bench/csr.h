/* The request of a device: PKCS#10 with the challenge inside, as SCEP carries it (RFC 8894 2.3). */
#ifndef BENCH_CSR_H
#define BENCH_CSR_H

#include "base/bytes.h"

#define BENCH_CSR_COMMON_NAME "bench.example"

/* Appends the DER of a request of a fresh RSA-2048 key, which is what Intune's profiles mostly ask for. */
iscep_status bench_csr_make(iscep_buf *out, const char *challenge, iscep_error *err) ISCEP_CHECKED;

#endif
