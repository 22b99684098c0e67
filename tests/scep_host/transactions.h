/*
 * What is known of each SCEP transaction: who works on it, what is pending, and what was delivered and may
 * have to be delivered again because the reply got lost (RFC 8894 3.3.1: a device then repeats its request).
 *
 * One caller at a time works on a transaction: it claims it, and settles it with park, deliver or forget. The
 * table is bounded; what was delivered makes room for what is new, oldest first, and what is pending does
 * not. Nothing here outlives the process. Threads: any.
 */
#ifndef ISCEP_HOST_TRANSACTIONS_H
#define ISCEP_HOST_TRANSACTIONS_H

#include "base/env.h"
#include "crypto.h"
#include "enrolment.h"

#define ISCEP_PENDING_LIFETIME_MS   (60 * 60 * 1000) /* a challenge lives no longer */
#define ISCEP_DELIVERED_LIFETIME_MS (60 * 60 * 1000)

typedef struct iscep_transactions iscep_transactions;
typedef struct iscep_transaction iscep_transaction;

typedef enum iscep_claim {
    ISCEP_CLAIM_MINE,      /* the caller works on it now, and must settle it */
    ISCEP_CLAIM_LATER,     /* somebody works on it, or it is too early to ask again: PENDING */
    ISCEP_CLAIM_DELIVERED, /* there is a certificate for this very request */
    ISCEP_CLAIM_OTHER_CSR, /* the transaction is under way for another request */
    ISCEP_CLAIM_OTHER_KEY, /* the transaction is another key's */
    ISCEP_CLAIM_UNKNOWN,   /* a poll for what is not there */
    ISCEP_CLAIM_FULL,      /* no room */
} iscep_claim;

/* env is borrowed. max_count and max_bytes bound the table; INIT values are for a small server. */
typedef struct iscep_transactions_options {
    size_t max_count;
    size_t max_bytes;
} iscep_transactions_options;

#define ISCEP_TRANSACTIONS_OPTIONS_INIT                                                                      \
    {                                                                                                        \
        .max_count = 4096, .max_bytes = 64u * 1024u * 1024u                                                  \
    }

iscep_status iscep_transactions_new(iscep_transactions **out, const iscep_env *env,
                                    const iscep_transactions_options *options,
                                    iscep_error *err) ISCEP_CHECKED;
void iscep_transactions_free(iscep_transactions *table);

/*
 * A PKCSReq or RenewalReq signed by the key with this digest. With MINE, *out is valid until it is settled;
 * with DELIVERED the certificate's DER is appended to cert.
 */
iscep_claim iscep_transactions_claim(iscep_transactions *table, const iscep_enrolment *enrolment,
                                     const uint8_t signer_key[ISCEP_SHA256_LEN], iscep_transaction **out,
                                     iscep_buf *cert);
/* A CertPoll: the same for a transaction that is there already. */
iscep_claim iscep_transactions_poll(iscep_transactions *table, const char *transaction_id,
                                    const uint8_t signer_key[ISCEP_SHA256_LEN], iscep_transaction **out,
                                    iscep_buf *cert);

/* Appends the CSR of a transaction that is there, whoever works on it; it holds the challenge: wipe it. */
bool iscep_transactions_find(iscep_transactions *table, const char *transaction_id, iscep_buf *csr);

/* The request as it came first. Borrowed from a claimed transaction. */
const iscep_enrolment *iscep_transaction_enrolment(const iscep_transaction *transaction);
/* The certificate that it was parked with, DER; no bytes: nothing is issued yet. Borrowed likewise. */
iscep_bytes iscep_transaction_cert(const iscep_transaction *transaction);

/* Whose turn it is to decide, or who has: the caller's number, 0 at first. For whoever has claimed it. */
size_t iscep_transaction_turn(const iscep_transaction *transaction);
void iscep_transaction_pass_turn(iscep_transaction *transaction); /* to the next */

/* It waits for a CA that cannot be asked: since when, which is now unless it does already. For whoever has claimed it. */
int64_t iscep_transaction_wait_for_ca(iscep_transaction *transaction, int64_t now_mono_ms);
/* One that nobody works on and that has waited longer than that for its CA, for the caller to settle: the plugin has allowed it,
 * and must be told. NULL: there is none. */
iscep_transaction *iscep_transactions_take_abandoned(iscep_transactions *table, int64_t patience_ms);

/* One that is pending with a certificate beyond its lifetime, for the caller to settle: such a one does not just go. NULL:
 * there is none. */
iscep_transaction *iscep_transactions_take_expired(iscep_transactions *table);

/* Settling. Each gives the claim back. */
void iscep_transactions_park(iscep_transactions *table, iscep_transaction *transaction,
                             int64_t ask_again_after_ms);
/* The same with a certificate that was issued and may not be delivered yet. False: out of memory, and not settled. */
bool iscep_transactions_park_issued(iscep_transactions *table, iscep_transaction *transaction,
                                    iscep_bytes cert, int64_t ask_again_after_ms);
void iscep_transactions_deliver(iscep_transactions *table, iscep_transaction *transaction, iscep_bytes cert);
void iscep_transactions_forget(iscep_transactions *table, iscep_transaction *transaction);

#endif
