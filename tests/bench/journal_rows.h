/* The reports that the journal rows write: certificates of 1,100 bytes for requests of 2,500, each with its own number. */
#ifndef BENCH_JOURNAL_ROWS_H
#define BENCH_JOURNAL_ROWS_H

#include "journal/enrolments.h"

enum { BENCH_CERT_LEN = 1100, BENCH_CSR_LEN = 2500 };

/* The next report; its texts and bytes are good until the one after. */
typedef struct bench_journal_rows {
    uint64_t next;
    char transaction_id[48];
    char serial[48];
    char thumbprint[48];
    char subject[64];
    uint8_t csr[BENCH_CSR_LEN];
    uint8_t cert[BENCH_CERT_LEN];
    iscep_issued_record record;
} bench_journal_rows;

void bench_journal_rows_init(bench_journal_rows *rows, uint64_t first);
const iscep_issued_record *bench_journal_rows_next(bench_journal_rows *rows);

/* Any number from another, as good as random: what a hash would be. */
uint64_t bench_mix(uint64_t number);

#endif
