/* See journal_rows.h. */
#include "journal_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t bench_mix(uint64_t number)
{
    number = (number ^ number >> 31) * 0x7FB5D329728EA185u;
    number = (number ^ number >> 27) * 0x81DADEF4BC2DD44Du;
    return number ^ number >> 33;
}

void bench_journal_rows_init(bench_journal_rows *rows, uint64_t first)
{
    *rows = (bench_journal_rows){.next = first};
    for (size_t i = 0; i < sizeof rows->csr; i++)
        rows->csr[i] = (uint8_t)bench_mix(i);
    memcpy(rows->cert, rows->csr, sizeof rows->cert);
}

const iscep_issued_record *bench_journal_rows_next(bench_journal_rows *rows)
{
    uint64_t number = ++rows->next, hash = bench_mix(number);
    snprintf(rows->transaction_id, sizeof rows->transaction_id, "%016" PRIX64 "%016" PRIX64, hash, number);
    snprintf(rows->serial, sizeof rows->serial, "%016" PRIX64 "%016" PRIX64, bench_mix(hash), number);
    snprintf(rows->thumbprint, sizeof rows->thumbprint, "%040" PRIX64, hash);
    snprintf(rows->subject, sizeof rows->subject, "CN=device-%" PRIu64, number);
    memcpy(rows->csr, &number, sizeof number);
    memcpy(rows->cert, &number, sizeof number);
    rows->record = (iscep_issued_record){.key = {.tenant = "bench", .transaction_id = rows->transaction_id},
                                         .csr = iscep_bytes_of(rows->csr, sizeof rows->csr),
                                         .cert = {.der = iscep_bytes_of(rows->cert, sizeof rows->cert),
                                                  .serial = rows->serial,
                                                  .thumbprint = rows->thumbprint,
                                                  .issuer = "CN=Issuing CA,O=Example",
                                                  .subject = rows->subject,
                                                  .not_after_unix = 4102444800},
                                         .ca = "main",
                                         .lease_ms = 60000};
    memcpy(rows->record.key.csr_sha256, &hash, sizeof hash);
    memcpy(rows->record.key.csr_sha256 + sizeof hash, &number, sizeof number);
    return &rows->record;
}
