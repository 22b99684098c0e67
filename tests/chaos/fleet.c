/* See fleet.h: a thread for each device, and one lock for what they have found. */
#include "fleet.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "host_state.h"

enum { IDENTITIES = 4 };

typedef struct delivery {
    char transaction_id[CHAOS_TRANSACTION_SIZE];
    X509 *cert;
} delivery;

typedef struct member {
    chaos_fleet *fleet;
    pthread_t thread;
    chance random;
} member;

struct chaos_fleet {
    chaos_fleet_options options;
    scep_client_identity identities[IDENTITIES];
    member *members;
    uint32_t member_count; /* whose thread runs */
    atomic_bool is_finishing;
    atomic_int_least64_t deadline_mono_ms; /* 0: none yet */
    pthread_mutex_t lock;
    chaos_fleet_counts counts;
    delivery *deliveries;
    size_t delivery_capacity;
};

static bool is_over(void *user)
{
    chaos_fleet *fleet = user;
    int64_t deadline_mono_ms = atomic_load(&fleet->deadline_mono_ms);
    return deadline_mono_ms != 0 && iscep_now_mono_ms(fleet->options.env) > deadline_mono_ms;
}

/* Takes the certificate. */
static void keep_delivery(chaos_fleet *fleet, const chaos_device *device)
{
    if ((size_t)fleet->counts.delivered == fleet->delivery_capacity) {
        fleet->delivery_capacity = fleet->delivery_capacity == 0 ? 256 : fleet->delivery_capacity * 2;
        fleet->deliveries =
            realloc(fleet->deliveries, fleet->delivery_capacity * sizeof(fleet->deliveries[0]));
        if (fleet->deliveries == NULL)
            abort(); /* what cannot be recorded cannot be judged */
    }
    delivery *added = &fleet->deliveries[fleet->counts.delivered++];
    iscep_text_copy(added->transaction_id, sizeof(added->transaction_id), device->transaction_id);
    added->cert = device->cert;
}

static void record(chaos_fleet *fleet, const chaos_device *device, chaos_ending ending)
{
    pthread_mutex_lock(&fleet->lock);
    fleet->counts.pending += device->pending;
    fleet->counts.lost += device->lost;
    switch (ending) {
    case CHAOS_DELIVERED:
        keep_delivery(fleet, device);
        break;
    case CHAOS_WITHHELD:
        fleet->counts.withheld++;
        break;
    case CHAOS_REFUSED:
        fleet->counts.refused++;
        break;
    case CHAOS_NO_VERDICT:
        fleet->counts.without_verdict++;
        break;
    }
    pthread_mutex_unlock(&fleet->lock);
    if (ending == CHAOS_REFUSED || ending == CHAOS_NO_VERDICT)
        fprintf(stderr, "%s: %s: %s\n", device->transaction_id,
                ending == CHAOS_REFUSED ? "refused" : "no verdict", device->reason);
}

/* Enrols one device, anew as often as its certificate is withheld. */
static void enrol(member *who, int64_t number)
{
    chaos_fleet *fleet = who->fleet;
    chaos_ending ending = CHAOS_WITHHELD;
    for (int attempt = 1; ending == CHAOS_WITHHELD; attempt++) {
        chaos_device device = {.world = &fleet->options,
                               .identity = &fleet->identities[number % IDENTITIES],
                               .random = &who->random,
                               .is_over = is_over,
                               .user = fleet};
        snprintf(device.name, sizeof(device.name), "%s-%lld", fleet->options.prefix, (long long)number);
        snprintf(device.transaction_id, sizeof(device.transaction_id), "%s.%d", device.name, attempt);
        ending = chaos_device_enrol(&device);
        record(fleet, &device, ending);
    }
}

static void *live(void *user)
{
    member *who = user;
    chaos_fleet *fleet = who->fleet;
    while (!atomic_load(&fleet->is_finishing)) {
        pthread_mutex_lock(&fleet->lock);
        int64_t number = ++fleet->counts.begun;
        pthread_mutex_unlock(&fleet->lock);
        enrol(who, number);
    }
    return NULL;
}

static iscep_status start_members(chaos_fleet *fleet, iscep_error *err)
{
    fleet->members = calloc(fleet->options.devices, sizeof(fleet->members[0]));
    if (fleet->members == NULL)
        return iscep_error_nomem(err);
    for (uint32_t i = 0; i < fleet->options.devices; i++) {
        member *added = &fleet->members[i];
        *added = (member){.fleet = fleet, .random = chance_of(fleet->options.seed, i + 1)};
        if (pthread_create(&added->thread, NULL, live, added) != 0)
            return iscep_error_set(err, ISCEP_NOMEM, "thread", "no thread for a device");
        fleet->member_count++;
    }
    return ISCEP_OK;
}

iscep_status chaos_fleet_start(chaos_fleet **out, const chaos_fleet_options *options, iscep_error *err)
{
    chaos_fleet *fleet = calloc(1, sizeof(*fleet));
    if (fleet == NULL)
        return iscep_error_nomem(err);
    fleet->options = *options;
    pthread_mutex_init(&fleet->lock, NULL);
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < IDENTITIES && status == ISCEP_OK; i++)
        status = scep_client_identity_make(&fleet->identities[i], err);
    if (status == ISCEP_OK)
        status = start_members(fleet, err);
    if (status != ISCEP_OK) {
        chaos_fleet_finish(fleet, iscep_now_mono_ms(options->env));
        chaos_fleet_free(fleet);
        return status;
    }
    *out = fleet;
    return ISCEP_OK;
}

void chaos_fleet_finish(chaos_fleet *fleet, int64_t deadline_mono_ms)
{
    atomic_store(&fleet->deadline_mono_ms, deadline_mono_ms);
    atomic_store(&fleet->is_finishing, true);
    for (uint32_t i = 0; i < fleet->member_count; i++)
        pthread_join(fleet->members[i].thread, NULL);
    fleet->member_count = 0;
}

void chaos_fleet_free(chaos_fleet *fleet)
{
    if (fleet == NULL)
        return;
    for (size_t i = 0; i < IDENTITIES; i++)
        scep_client_identity_clear(&fleet->identities[i]);
    pthread_mutex_destroy(&fleet->lock);
    for (int64_t i = 0; i < fleet->counts.delivered; i++)
        X509_free(fleet->deliveries[i].cert);
    free(fleet->members);
    free(fleet->deliveries);
    free(fleet);
}

chaos_fleet_counts chaos_fleet_count(chaos_fleet *fleet)
{
    pthread_mutex_lock(&fleet->lock);
    chaos_fleet_counts counts = fleet->counts;
    pthread_mutex_unlock(&fleet->lock);
    return counts;
}

bool chaos_fleet_pick(chaos_fleet *fleet, chance *random, char out[CHAOS_TRANSACTION_SIZE])
{
    pthread_mutex_lock(&fleet->lock);
    int32_t count = (int32_t)fleet->counts.delivered;
    if (count > 0)
        iscep_text_copy(out, CHAOS_TRANSACTION_SIZE,
                        fleet->deliveries[chance_between(random, 0, count - 1)].transaction_id);
    pthread_mutex_unlock(&fleet->lock);
    return count > 0;
}

iscep_status chaos_fleet_delivered(const chaos_fleet *fleet, chaos_text_set *thumbprints,
                                   chaos_text_set *serials, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (int64_t i = 0; i < fleet->counts.delivered && status == ISCEP_OK; i++) {
        const X509 *cert = fleet->deliveries[i].cert;
        status = chaos_thumbprint_add(thumbprints, cert, err);
        if (status == ISCEP_OK)
            status = chaos_serial_add_number(serials, X509_get0_serialNumber(cert), err);
    }
    chaos_text_set_seal(thumbprints);
    chaos_text_set_seal(serials);
    return status;
}
