/* A list under a lock, oldest first: at its size (thousands) a walk costs less than one RSA operation. */
#include "transactions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/transaction_id.h"
#include "base/x509.h"

typedef enum transaction_state { BUSY, PENDING, DELIVERED } transaction_state;

struct iscep_transaction {
    TAILQ_ENTRY(iscep_transaction) link;
    transaction_state state;
    char id[ISCEP_TRANSACTION_ID_SIZE];
    uint8_t signer_key[ISCEP_SHA256_LEN];
    iscep_buf csr; /* holds the challenge */
    iscep_buf signer_cert;
    iscep_buf cert;            /* what was issued: DELIVERED, or PENDING until it may be */
    iscep_enrolment enrolment; /* the above, as others see it */
    size_t turn;
    int64_t ask_again_mono_ms; /* PENDING: not before */
    int64_t expires_mono_ms;   /* PENDING, DELIVERED; while pending counted from the first request */
    int64_t
        ca_away_since_mono_ms; /* PENDING without a certificate, because the CA could not be asked; -1: it is not */
};

TAILQ_HEAD(transaction_list, iscep_transaction);

struct iscep_transactions {
    const iscep_env *env;
    iscep_transactions_options limits;
    pthread_mutex_t lock;
    struct transaction_list list;
    size_t count;
    size_t bytes;
};

static size_t size_of(const iscep_transaction *transaction)
{
    return sizeof(*transaction) + transaction->csr.len + transaction->signer_cert.len + transaction->cert.len;
}

static void remove_locked(iscep_transactions *table, iscep_transaction *transaction)
{
    TAILQ_REMOVE(&table->list, transaction, link);
    table->count--;
    table->bytes -= size_of(transaction);
    iscep_buf_wipe(&transaction->csr);
    iscep_buf_clear(&transaction->signer_cert);
    iscep_buf_clear(&transaction->cert);
    free(transaction);
}

static bool is_expired(const iscep_transaction *transaction, int64_t now)
{
    return transaction->state != BUSY && transaction->expires_mono_ms <= now;
}

static bool is_issued(const iscep_transaction *transaction)
{
    return transaction->state == PENDING && transaction->cert.len > 0;
}

static bool is_waiting_for_ca(const iscep_transaction *transaction)
{
    return transaction->state == PENDING && transaction->cert.len == 0 &&
           transaction->ca_away_since_mono_ms >= 0;
}

/* A certificate that nobody will deliver any more has to be revoked, and what was allowed and came to nothing has to be
 * reported: take_expired, take_abandoned. */
static bool is_to_be_settled(const iscep_transaction *transaction)
{
    return is_issued(transaction) || is_waiting_for_ca(transaction);
}

/* The transaction of that id; what has expired on the way there goes. */
static iscep_transaction *find_locked(iscep_transactions *table, const char *id)
{
    int64_t now = iscep_now_mono_ms(table->env);
    iscep_transaction *at = TAILQ_FIRST(&table->list);
    while (at) {
        iscep_transaction *next = TAILQ_NEXT(at, link);
        if (is_expired(at, now) && !is_to_be_settled(at))
            remove_locked(table, at);
        else if (strcmp(at->id, id) == 0)
            return at;
        at = next;
    }
    return NULL;
}

static bool has_room(const iscep_transactions *table, size_t size)
{
    return table->count < table->limits.max_count && size <= table->limits.max_bytes &&
           table->bytes <= table->limits.max_bytes - size;
}

static void make_room_locked(iscep_transactions *table, size_t size)
{
    iscep_transaction *at = TAILQ_FIRST(&table->list);
    while (at && !has_room(table, size)) {
        iscep_transaction *next = TAILQ_NEXT(at, link);
        if (at->state == DELIVERED)
            remove_locked(table, at);
        at = next;
    }
}

static iscep_transaction *new_transaction(const iscep_enrolment *enrolment, const uint8_t *signer_key)
{
    iscep_transaction *transaction = calloc(1, sizeof(*transaction));
    if (!transaction)
        return NULL;
    memcpy(transaction->id, enrolment->transaction_id, strlen(enrolment->transaction_id));
    memcpy(transaction->signer_key, signer_key, ISCEP_SHA256_LEN);
    iscep_buf_init(&transaction->csr, ISCEP_CSR_MAX_LEN);
    iscep_buf_init(&transaction->signer_cert, ISCEP_CERT_MAX_LEN);
    iscep_buf_init(&transaction->cert, ISCEP_CERT_MAX_LEN);
    iscep_buf_append(&transaction->csr, enrolment->csr.data, enrolment->csr.len);
    iscep_buf_append(&transaction->signer_cert, enrolment->signer_cert.data, enrolment->signer_cert.len);
    transaction->enrolment = (iscep_enrolment){.transaction_id = transaction->id,
                                               .message_type = enrolment->message_type,
                                               .csr = iscep_buf_bytes(&transaction->csr),
                                               .signer_cert = iscep_buf_bytes(&transaction->signer_cert)};
    if (iscep_buf_status(&transaction->csr, NULL) == ISCEP_OK &&
        iscep_buf_status(&transaction->signer_cert, NULL) == ISCEP_OK)
        return transaction;
    iscep_buf_wipe(&transaction->csr);
    iscep_buf_clear(&transaction->signer_cert);
    free(transaction);
    return NULL;
}

static iscep_claim add_locked(iscep_transactions *table, const iscep_enrolment *enrolment,
                              const uint8_t *signer_key, iscep_transaction **out)
{
    size_t size = sizeof(iscep_transaction) + enrolment->csr.len + enrolment->signer_cert.len;
    make_room_locked(table, size);
    if (strlen(enrolment->transaction_id) >= ISCEP_TRANSACTION_ID_SIZE || !has_room(table, size))
        return ISCEP_CLAIM_FULL;
    iscep_transaction *transaction = new_transaction(enrolment, signer_key);
    if (!transaction)
        return ISCEP_CLAIM_FULL;
    transaction->state = BUSY;
    transaction->ca_away_since_mono_ms = -1;
    transaction->expires_mono_ms = iscep_now_mono_ms(table->env) + ISCEP_PENDING_LIFETIME_MS;
    TAILQ_INSERT_TAIL(&table->list, transaction, link);
    table->count++;
    table->bytes += size_of(transaction);
    *out = transaction;
    return ISCEP_CLAIM_MINE;
}

/* Claims what is there for the key that it belongs to. */
static iscep_claim take_locked(iscep_transactions *table, iscep_transaction *transaction,
                               const uint8_t *signer_key, iscep_transaction **out, iscep_buf *cert)
{
    if (memcmp(transaction->signer_key, signer_key, ISCEP_SHA256_LEN) != 0)
        return ISCEP_CLAIM_OTHER_KEY;
    if (transaction->state == DELIVERED) {
        iscep_buf_append(cert, transaction->cert.data, transaction->cert.len);
        return ISCEP_CLAIM_DELIVERED;
    }
    if (transaction->state == BUSY || iscep_now_mono_ms(table->env) < transaction->ask_again_mono_ms)
        return ISCEP_CLAIM_LATER;
    transaction->state = BUSY;
    *out = transaction;
    return ISCEP_CLAIM_MINE;
}

static iscep_claim claim_locked(iscep_transactions *table, const iscep_enrolment *enrolment,
                                const uint8_t *signer_key, iscep_transaction **out, iscep_buf *cert)
{
    iscep_transaction *known = find_locked(table, enrolment->transaction_id);
    if (!known)
        return add_locked(table, enrolment, signer_key, out);
    if (iscep_bytes_equal(known->enrolment.csr, enrolment->csr))
        return take_locked(table, known, signer_key, out, cert);
    if (known->state != DELIVERED)
        return ISCEP_CLAIM_OTHER_CSR;
    remove_locked(table, known); /* a device may use an id again, such as a hash of its key for a renewal */
    return add_locked(table, enrolment, signer_key, out);
}

iscep_claim iscep_transactions_claim(iscep_transactions *table, const iscep_enrolment *enrolment,
                                     const uint8_t signer_key[ISCEP_SHA256_LEN], iscep_transaction **out,
                                     iscep_buf *cert)
{
    pthread_mutex_lock(&table->lock);
    iscep_claim claim = claim_locked(table, enrolment, signer_key, out, cert);
    pthread_mutex_unlock(&table->lock);
    return claim;
}

iscep_claim iscep_transactions_poll(iscep_transactions *table, const char *transaction_id,
                                    const uint8_t signer_key[ISCEP_SHA256_LEN], iscep_transaction **out,
                                    iscep_buf *cert)
{
    pthread_mutex_lock(&table->lock);
    iscep_transaction *known = find_locked(table, transaction_id);
    iscep_claim claim = known ? take_locked(table, known, signer_key, out, cert) : ISCEP_CLAIM_UNKNOWN;
    pthread_mutex_unlock(&table->lock);
    return claim;
}

bool iscep_transactions_find(iscep_transactions *table, const char *transaction_id, iscep_buf *csr)
{
    pthread_mutex_lock(&table->lock);
    const iscep_transaction *known = find_locked(table, transaction_id);
    if (known)
        iscep_buf_append(csr, known->csr.data, known->csr.len);
    pthread_mutex_unlock(&table->lock);
    return known != NULL;
}

const iscep_enrolment *iscep_transaction_enrolment(const iscep_transaction *transaction)
{
    return &transaction->enrolment;
}

iscep_bytes iscep_transaction_cert(const iscep_transaction *transaction)
{
    return iscep_buf_bytes(&transaction->cert);
}

size_t iscep_transaction_turn(const iscep_transaction *transaction)
{
    return transaction->turn;
}

void iscep_transaction_pass_turn(iscep_transaction *transaction)
{
    transaction->turn++;
}

int64_t iscep_transaction_wait_for_ca(iscep_transaction *transaction, int64_t now_mono_ms)
{
    if (transaction->ca_away_since_mono_ms < 0)
        transaction->ca_away_since_mono_ms = now_mono_ms;
    return transaction->ca_away_since_mono_ms;
}

iscep_transaction *iscep_transactions_take_abandoned(iscep_transactions *table, int64_t patience_ms)
{
    pthread_mutex_lock(&table->lock);
    int64_t since = iscep_now_mono_ms(table->env) - patience_ms;
    iscep_transaction *at = TAILQ_FIRST(&table->list);
    while (at && !(is_waiting_for_ca(at) && at->ca_away_since_mono_ms <= since))
        at = TAILQ_NEXT(at, link);
    if (at)
        at->state = BUSY;
    pthread_mutex_unlock(&table->lock);
    return at;
}

iscep_transaction *iscep_transactions_take_expired(iscep_transactions *table)
{
    pthread_mutex_lock(&table->lock);
    int64_t now = iscep_now_mono_ms(table->env);
    iscep_transaction *at = TAILQ_FIRST(&table->list);
    while (at && !(is_expired(at, now) && is_issued(at)))
        at = TAILQ_NEXT(at, link);
    if (at)
        at->state = BUSY;
    pthread_mutex_unlock(&table->lock);
    return at;
}

static bool set_cert_locked(iscep_transactions *table, iscep_transaction *transaction, iscep_bytes cert)
{
    if (transaction->cert.len > 0)
        return true;
    iscep_buf_append(&transaction->cert, cert.data, cert.len);
    table->bytes += transaction->cert.len;
    return iscep_buf_status(&transaction->cert, NULL) == ISCEP_OK;
}

bool iscep_transactions_park_issued(iscep_transactions *table, iscep_transaction *transaction,
                                    iscep_bytes cert, int64_t ask_again_after_ms)
{
    pthread_mutex_lock(&table->lock);
    bool is_kept = set_cert_locked(table, transaction, cert);
    pthread_mutex_unlock(&table->lock);
    if (is_kept)
        iscep_transactions_park(table, transaction, ask_again_after_ms);
    return is_kept;
}

void iscep_transactions_park(iscep_transactions *table, iscep_transaction *transaction,
                             int64_t ask_again_after_ms)
{
    pthread_mutex_lock(&table->lock);
    transaction->state = PENDING;
    transaction->ask_again_mono_ms = iscep_now_mono_ms(table->env) + ask_again_after_ms;
    pthread_mutex_unlock(&table->lock);
}

void iscep_transactions_deliver(iscep_transactions *table, iscep_transaction *transaction, iscep_bytes cert)
{
    pthread_mutex_lock(&table->lock);
    if (!set_cert_locked(table, transaction, cert)) {
        remove_locked(table, transaction);
    } else {
        transaction->state = DELIVERED;
        transaction->expires_mono_ms = iscep_now_mono_ms(table->env) + ISCEP_DELIVERED_LIFETIME_MS;
    }
    pthread_mutex_unlock(&table->lock);
}

void iscep_transactions_forget(iscep_transactions *table, iscep_transaction *transaction)
{
    pthread_mutex_lock(&table->lock);
    remove_locked(table, transaction);
    pthread_mutex_unlock(&table->lock);
}

iscep_status iscep_transactions_new(iscep_transactions **out, const iscep_env *env,
                                    const iscep_transactions_options *options, iscep_error *err)
{
    iscep_transactions *table = calloc(1, sizeof(*table));
    if (!table)
        return iscep_error_nomem(err);
    table->env = env;
    table->limits = *options;
    pthread_mutex_init(&table->lock, NULL);
    TAILQ_INIT(&table->list);
    *out = table;
    return ISCEP_OK;
}

void iscep_transactions_free(iscep_transactions *table)
{
    if (!table)
        return;
    iscep_transaction *at = TAILQ_FIRST(&table->list);
    while (at) {
        iscep_transaction *next = TAILQ_NEXT(at, link);
        remove_locked(table, at);
        at = next;
    }
    pthread_mutex_destroy(&table->lock);
    free(table);
}
