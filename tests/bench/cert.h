/* Certificates for one CSR, as many as are wanted, each with a serial number of its own. */
#ifndef BENCH_CERT_H
#define BENCH_CERT_H

#include "base/bytes.h"

typedef struct bench_issuer bench_issuer;

iscep_status bench_issuer_new(bench_issuer **out, iscep_bytes csr, iscep_error *err) ISCEP_CHECKED;
void bench_issuer_free(bench_issuer *issuer);
/* Appends the DER. The same serial number gives the same certificate, but for its signature. */
iscep_status bench_issue(iscep_buf *out, const bench_issuer *issuer, uint64_t serial,
                         iscep_error *err) ISCEP_CHECKED;

#endif
