/* See fleet_record.h: three lists that grow, and one lock. */
#include "fleet_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/json.h"

enum { MAX_LINE_LEN = 4096 };

typedef struct list {
    void *items;
    size_t count;
    size_t capacity;
} list;

struct fleet_record {
    const iscep_env *env;
    const char *const *urls;
    FILE *certificates_file;
    pthread_mutex_t lock;
    list certificates;
    list setbacks;
    list losses;
    uint32_t wanted[FLEET_PLATFORMS];
    int64_t begun_unix_ms;
    int64_t ended_unix_ms;
};

iscep_status fleet_record_new(fleet_record **out, const iscep_env *env, const char *const *urls,
                              FILE *certificates, iscep_error *err)
{
    fleet_record *record = calloc(1, sizeof *record);
    if (record == NULL)
        return iscep_error_nomem(err);
    record->env = env;
    record->urls = urls;
    record->certificates_file = certificates;
    record->begun_unix_ms = record->ended_unix_ms = iscep_now_unix_ms(env);
    pthread_mutex_init(&record->lock, NULL);
    *out = record;
    return ISCEP_OK;
}

void fleet_record_free(fleet_record *record)
{
    if (record == NULL)
        return;
    free(record->certificates.items);
    free(record->setbacks.items);
    free(record->losses.items);
    pthread_mutex_destroy(&record->lock);
    free(record);
}

/* Also keeps the time. The lock is held. */
static void add_locked(fleet_record *record, list *to, const void *item, size_t size)
{
    if (to->count == to->capacity) {
        to->capacity = to->capacity == 0 ? 256 : to->capacity * 2;
        to->items = realloc(to->items, to->capacity * size);
        if (to->items == NULL)
            abort(); /* what cannot be recorded cannot be reported */
    }
    memcpy((char *)to->items + to->count++ * size, item, size);
    record->ended_unix_ms = iscep_now_unix_ms(record->env);
}

void fleet_record_want(fleet_record *record, fleet_platform platform, uint32_t count)
{
    pthread_mutex_lock(&record->lock);
    record->wanted[platform] += count;
    pthread_mutex_unlock(&record->lock);
}

static void copy_hex(char *out, size_t size, iscep_bytes bytes)
{
    ISCEP_AUTO_BUF hex;
    iscep_buf_init(&hex, size - 1);
    iscep_hex_encode(&hex, bytes);
    iscep_text_copy(out, size, iscep_buf_text(&hex));
}

static void describe(fleet_certificate *out, const X509 *cert)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    if (X509_digest(cert, EVP_sha1(), digest, &len) == 1)
        copy_hex(out->thumbprint, sizeof out->thumbprint, iscep_bytes_of(digest, len));
    copy_hex(out->serial, sizeof out->serial,
             iscep_bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)));
}

/* A reader outside may follow the file: each line is whole when it is there. */
static void write_line_locked(fleet_record *record, const fleet_certificate *certificate)
{
    ISCEP_AUTO_BUF line;
    ISCEP_AUTO_JSON *json = iscep_json_new_object();
    iscep_buf_init(&line, MAX_LINE_LEN);
    iscep_json_add_text(json, "transactionId", certificate->transaction_id);
    iscep_json_add_text(json, "serialNumber", certificate->serial);
    iscep_json_add_text(json, "thumbprint", certificate->thumbprint);
    iscep_json_add_text(json, "device", certificate->who.name);
    iscep_json_add_text(json, "platform", fleet_rules_of(certificate->who.platform)->name);
    iscep_json_add_text(json, "url", record->urls[certificate->url]);
    iscep_json_add_int(json, "wave", certificate->who.wave);
    iscep_json_add_int(json, "cycle", certificate->who.cycle);
    iscep_json_add_int(json, "tries", certificate->tries);
    iscep_json_add_int(json, "polls", certificate->polls);
    iscep_json_add_time(json, "issued", certificate->at_unix_ms);
    iscep_json_add_int(json, "issuedUnixMs", certificate->at_unix_ms);
    iscep_json_add_int(json, "tookMs", certificate->took_ms);
    if (iscep_json_emit(&line, json, NULL) != ISCEP_OK)
        abort(); /* as above */
    fprintf(record->certificates_file, "%s\n", iscep_buf_text(&line));
    fflush(record->certificates_file);
}

void fleet_record_issued(fleet_record *record, fleet_certificate *certificate, const X509 *cert)
{
    describe(certificate, cert);
    pthread_mutex_lock(&record->lock);
    certificate->at_unix_ms = iscep_now_unix_ms(record->env);
    add_locked(record, &record->certificates, certificate, sizeof *certificate);
    if (record->certificates_file != NULL)
        write_line_locked(record, certificate);
    pthread_mutex_unlock(&record->lock);
}

void fleet_record_setback(fleet_record *record, const fleet_subject *who, uint32_t url, const char *reason)
{
    fleet_setback setback = {.who = *who, .url = url};
    iscep_text_copy(setback.reason, sizeof setback.reason, reason);
    pthread_mutex_lock(&record->lock);
    setback.at_unix_ms = iscep_now_unix_ms(record->env);
    add_locked(record, &record->setbacks, &setback, sizeof setback);
    pthread_mutex_unlock(&record->lock);
}

void fleet_record_loss(fleet_record *record, const fleet_subject *who, const char *reason)
{
    fleet_loss loss = {.who = *who};
    iscep_text_copy(loss.reason, sizeof loss.reason, reason);
    pthread_mutex_lock(&record->lock);
    add_locked(record, &record->losses, &loss, sizeof loss);
    pthread_mutex_unlock(&record->lock);
}

fleet_counts fleet_record_count(fleet_record *record)
{
    pthread_mutex_lock(&record->lock);
    fleet_counts counts = {.certificates = record->certificates.count,
                           .setbacks = record->setbacks.count,
                           .losses = record->losses.count};
    for (size_t i = 0; i < FLEET_PLATFORMS; i++)
        counts.wanted += record->wanted[i];
    pthread_mutex_unlock(&record->lock);
    return counts;
}

fleet_events fleet_record_events(const fleet_record *record)
{
    fleet_events events = {.certificates = record->certificates.items,
                           .certificate_count = record->certificates.count,
                           .setbacks = record->setbacks.items,
                           .setback_count = record->setbacks.count,
                           .losses = record->losses.items,
                           .loss_count = record->losses.count,
                           .begun_unix_ms = record->begun_unix_ms,
                           .ended_unix_ms = record->ended_unix_ms};
    memcpy(events.wanted, record->wanted, sizeof events.wanted);
    return events;
}
