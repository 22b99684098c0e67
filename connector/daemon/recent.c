/*
 * See recent.h. A tenant's hour is a ring of sixty minutes by the monotonic clock, each with its own counts, so that what
 * is older goes by itself and a wall clock that jumps changes nothing.
 */
#include "daemon/recent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "service/refusals.h"

enum {
    MINUTE_MS = 60 * 1000,
    MINUTES = 60,
    MAX_TENANTS = 64,  /* of a configuration, and of those before it */
    MAX_CODES = 48,    /* different answers within the hour; what is beyond is "other" */
    MAX_REFUSALS = 50, /* of a tenant */
    OPERATIONS = 3,
    DECISIONS = 5,
};

static const char *const operation_names[OPERATIONS] = {"validate", "issued", "failed"};
static const char *const decision_names[DECISIONS] = {"allow", "deny", "retry", "deliver", "decline"};
enum { INDEX_ALLOW, INDEX_DENY, INDEX_RETRY, INDEX_DELIVER, INDEX_DECLINE };

/* Upper bounds of the histogram of waiting times; the last counts what is longer. */
static const int64_t wait_bounds_ms[] = {1,    2,    3,    5,    7,    10,    15,    20,    30,
                                         50,   70,   100,  150,  200,  300,   500,   700,   1000,
                                         1500, 2000, 3000, 5000, 7000, 10000, 15000, 20000, 30000};
enum { WAIT_BOUNDS = sizeof wait_bounds_ms / sizeof *wait_bounds_ms };

typedef struct minute {
    int64_t number; /* since the monotonic clock's beginning */
    uint32_t decisions[OPERATIONS][DECISIONS];
    uint32_t codes[MAX_CODES + 1]; /* of the tenant's table; the last: other */
    uint32_t waits[WAIT_BOUNDS + 1];
} minute;

/* One kind of answer, as "byCode" lists it. */
typedef struct answer_kind {
    size_t operation;
    size_t decision;
    char code[64];
} answer_kind;

/* An answer that somebody may ask about. */
typedef struct refusal {
    int64_t unix_ms;
    answer_kind kind;
    char transaction_id[256];
    char subject[256];
    char message[512];
    char request_id[ISCEP_VERDICT_REQUEST_ID_SIZE];
} refusal;

typedef struct recent_tenant {
    char name[64];
    int64_t heard_mono_ms;
    minute minutes[MINUTES];
    answer_kind kinds[MAX_CODES];
    size_t kind_count;
    refusal refusals[MAX_REFUSALS]; /* a ring */
    size_t refusal_count;           /* all there ever were */
    int64_t answered_unix_ms;       /* Intune's last answer; 0: none yet */
    refusal failure;                /* the last time that none came */
} recent_tenant;

struct iscep_recent {
    const iscep_env *env;
    pthread_mutex_t lock;
    recent_tenant *tenants[MAX_TENANTS];
    size_t tenant_count;
};

iscep_status iscep_recent_new(iscep_recent **out, const iscep_env *env, iscep_error *err)
{
    iscep_recent *recent = calloc(1, sizeof *recent);
    if (recent == NULL)
        return iscep_error_nomem(err);
    recent->env = env;
    pthread_mutex_init(&recent->lock, NULL);
    *out = recent;
    return ISCEP_OK;
}

void iscep_recent_free(iscep_recent *recent)
{
    if (recent == NULL)
        return;
    for (size_t i = 0; i < recent->tenant_count; i++)
        free(recent->tenants[i]);
    pthread_mutex_destroy(&recent->lock);
    free(recent);
}

/* --- finding the place --- */

/* When there are too many, a configuration of before had them: the one that was silent for the longest makes room. */
static recent_tenant *make_tenant_locked(iscep_recent *recent)
{
    if (recent->tenant_count < MAX_TENANTS) {
        recent_tenant *made = calloc(1, sizeof *made);
        if (made != NULL)
            recent->tenants[recent->tenant_count++] = made;
        return made;
    }
    recent_tenant *silent = recent->tenants[0];
    for (size_t i = 1; i < MAX_TENANTS; i++)
        if (recent->tenants[i]->heard_mono_ms < silent->heard_mono_ms)
            silent = recent->tenants[i];
    memset(silent, 0, sizeof *silent);
    return silent;
}

/* NULL: no memory. */
static recent_tenant *find_tenant_locked(iscep_recent *recent, const char *name)
{
    for (size_t i = 0; i < recent->tenant_count; i++)
        if (strcmp(recent->tenants[i]->name, name) == 0)
            return recent->tenants[i];
    recent_tenant *made = make_tenant_locked(recent);
    if (made != NULL) {
        iscep_text_copy(made->name, sizeof made->name, name);
        made->heard_mono_ms = iscep_now_mono_ms(recent->env);
    }
    return made;
}

static int64_t minute_now(const iscep_recent *recent)
{
    return iscep_now_mono_ms(recent->env) / MINUTE_MS;
}

/* A minute of an hour ago, or more, gives its place to the one that begins. */
static minute *current_minute(recent_tenant *tenant, int64_t number)
{
    minute *current = &tenant->minutes[number % MINUTES];
    if (current->number != number)
        *current = (minute){.number = number};
    return current;
}

/* NULL: nothing was heard in that minute. */
static const minute *minute_of(const recent_tenant *tenant, int64_t number)
{
    const minute *found = &tenant->minutes[number < 0 ? 0 : number % MINUTES];
    return found->number == number ? found : NULL;
}

static uint64_t count_kind(const recent_tenant *tenant, size_t index, int64_t now)
{
    uint64_t count = 0;
    for (int64_t number = now - MINUTES + 1; number <= now; number++) {
        const minute *m = minute_of(tenant, number);
        count += m != NULL ? m->codes[index] : 0;
    }
    return count;
}

/* The kind's place in the tenant's table: its own, a new one, or that of a kind that was not heard for an hour. */
static size_t place_kind(recent_tenant *tenant, const answer_kind *kind, int64_t now)
{
    for (size_t i = 0; i < tenant->kind_count; i++)
        if (tenant->kinds[i].operation == kind->operation && tenant->kinds[i].decision == kind->decision &&
            strcmp(tenant->kinds[i].code, kind->code) == 0)
            return i;
    size_t place = tenant->kind_count;
    if (tenant->kind_count < MAX_CODES)
        tenant->kind_count++;
    else
        for (place = 0; place < MAX_CODES && count_kind(tenant, place, now) > 0;)
            place++;
    if (place < MAX_CODES)
        tenant->kinds[place] = *kind;
    return place;
}

/* --- taking --- */

static size_t decision_index(iscep_decision decision)
{
    switch (decision) {
    case ISCEP_ALLOW:
        return INDEX_ALLOW;
    case ISCEP_RETRY:
        return INDEX_RETRY;
    case ISCEP_DELIVER:
        return INDEX_DELIVER;
    case ISCEP_DECLINE:
        return INDEX_DECLINE;
    case ISCEP_DENY:
        break;
    }
    return INDEX_DENY;
}

static size_t operation_index(const char *name)
{
    for (size_t i = 0; i < OPERATIONS; i++)
        if (strcmp(operation_names[i], name) == 0)
            return i;
    return 0;
}

static size_t wait_bucket(double seconds)
{
    size_t bucket = 0;
    while (bucket < WAIT_BOUNDS && seconds * 1000 > (double)wait_bounds_ms[bucket])
        bucket++;
    return bucket;
}

/* A retry that says nothing about the way to Intune: it lies with this machine, or Intune was not asked. */
static bool is_homemade(const char *code)
{
    static const char *const codes[] = {"circuit_open", "journal_closed", "journal_corrupt",   "journal_full",
                                        "journal_io",   "journal_locked", "journal_read_only", "journal_slow",
                                        "nomem",        "shutting_down"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static void fill_refusal(refusal *out, const answer_kind *kind, const iscep_answer *answer, int64_t unix_ms)
{
    out->unix_ms = unix_ms;
    out->kind = *kind;
    iscep_text_copy(out->transaction_id, sizeof out->transaction_id, answer->transaction_id);
    iscep_text_copy(out->subject, sizeof out->subject, answer->subject);
    iscep_text_copy(out->message, sizeof out->message, answer->verdict->message);
    iscep_text_copy(out->request_id, sizeof out->request_id, answer->verdict->request_id);
}

/* Yes or no, and Intune has seen the request: it was there. Somebody has waited for it. */
static bool is_from_intune(const answer_kind *kind, const iscep_answer *answer)
{
    return (kind->decision == INDEX_ALLOW || kind->decision == INDEX_DENY) &&
           answer->verdict->request_id[0] != '\0';
}

static void take_locked(iscep_recent *recent, recent_tenant *tenant, const iscep_answer *answer)
{
    const int64_t now = minute_now(recent), unix_ms = iscep_now_unix_ms(recent->env);
    minute *current = current_minute(tenant, now);
    answer_kind kind = {.operation = operation_index(answer->operation),
                        .decision = decision_index(answer->verdict->decision)};
    iscep_text_copy(kind.code, sizeof kind.code, answer->verdict->code);
    tenant->heard_mono_ms = iscep_now_mono_ms(recent->env);
    current->decisions[kind.operation][kind.decision]++;
    current->codes[place_kind(tenant, &kind, now)]++;
    if (is_from_intune(&kind, answer)) {
        tenant->answered_unix_ms = unix_ms;
        current->waits[wait_bucket(answer->seconds)]++;
    }
    if (kind.decision == INDEX_DENY || kind.decision == INDEX_RETRY)
        fill_refusal(&tenant->refusals[tenant->refusal_count++ % MAX_REFUSALS], &kind, answer, unix_ms);
    if (kind.decision == INDEX_RETRY && !is_homemade(kind.code))
        fill_refusal(&tenant->failure, &kind, answer, unix_ms);
}

void iscep_recent_take(void *user, const iscep_answer *answer)
{
    iscep_recent *recent = user;
    pthread_mutex_lock(&recent->lock);
    recent_tenant *tenant = find_tenant_locked(recent, answer->tenant);
    if (tenant != NULL)
        take_locked(recent, tenant, answer);
    pthread_mutex_unlock(&recent->lock);
}

/* --- telling --- */

static uint32_t count_decision(const minute *m, size_t decision)
{
    uint32_t count = 0;
    for (size_t i = 0; m != NULL && i < OPERATIONS; i++)
        count += m->decisions[i][decision];
    return count;
}

/* Columns of sixty numbers, the oldest minute first; the last is the one that is running. */
static void add_minutes(const iscep_recent *recent, const recent_tenant *tenant, iscep_json *verdicts)
{
    const int64_t now = minute_now(recent);
    const int64_t age_ms = iscep_now_mono_ms(recent->env) - (now - MINUTES + 1) * MINUTE_MS;
    iscep_json *columns = iscep_json_add_object(verdicts, "perMinute");
    iscep_json_add_time(columns, "startsAt", iscep_now_unix_ms(recent->env) - age_ms);
    for (size_t decision = 0; decision < DECISIONS; decision++) {
        iscep_json *column = iscep_json_add_array(columns, decision_names[decision]);
        for (int64_t number = now - MINUTES + 1; number <= now; number++)
            iscep_json_append_int(column, count_decision(minute_of(tenant, number), decision));
    }
}

static void add_totals(const recent_tenant *tenant, int64_t now, iscep_json *verdicts)
{
    uint64_t sums[OPERATIONS][DECISIONS] = {0};
    for (int64_t number = now - MINUTES + 1; number <= now; number++) {
        const minute *m = minute_of(tenant, number);
        for (size_t i = 0; m != NULL && i < OPERATIONS * DECISIONS; i++)
            sums[i / DECISIONS][i % DECISIONS] += m->decisions[i / DECISIONS][i % DECISIONS];
    }
    iscep_json *totals = iscep_json_add_object(verdicts, "totals");
    for (size_t i = 0; i < OPERATIONS; i++) {
        iscep_json *total = iscep_json_add_object(totals, operation_names[i]);
        for (size_t j = 0; j < DECISIONS; j++)
            iscep_json_add_int(total, decision_names[j], (int64_t)sums[i][j]);
    }
}

typedef struct counted_kind {
    size_t index; /* MAX_CODES: other */
    uint64_t count;
} counted_kind;

static int by_count(const void *a, const void *b)
{
    const counted_kind *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return left->index < right->index ? -1 : 1;
}

static void add_kind(iscep_json *object, const answer_kind *kind)
{
    iscep_json_add_text(object, "operation", operation_names[kind->operation]);
    iscep_json_add_text(object, "verdict", decision_names[kind->decision]);
    iscep_json_add_text(object, "code", kind->code);
    iscep_json_add_text(object, "advice", iscep_refusal_find_advice(kind->code));
}

/* The most frequent first. */
static void add_codes(const recent_tenant *tenant, int64_t now, iscep_json *verdicts)
{
    counted_kind counted[MAX_CODES + 1];
    size_t count = 0;
    iscep_json *list = iscep_json_add_array(verdicts, "byCode");
    for (size_t i = 0; i <= MAX_CODES; i++) {
        uint64_t heard = count_kind(tenant, i, now);
        if (heard > 0)
            counted[count++] = (counted_kind){i, heard};
    }
    qsort(counted, count, sizeof *counted, by_count);
    for (size_t i = 0; i < count; i++) {
        iscep_json *entry = iscep_json_append_object(list);
        if (counted[i].index < MAX_CODES)
            add_kind(entry, &tenant->kinds[counted[i].index]);
        else
            iscep_json_add_text(entry, "code", "other");
        iscep_json_add_int(entry, "count", (int64_t)counted[i].count);
    }
}

static void add_refusals(const recent_tenant *tenant, iscep_json *object)
{
    iscep_json *list = iscep_json_add_array(object, "refusals");
    const size_t kept = tenant->refusal_count < MAX_REFUSALS ? tenant->refusal_count : MAX_REFUSALS;
    for (size_t i = 0; i < kept; i++) {
        const refusal *r = &tenant->refusals[(tenant->refusal_count - 1 - i) % MAX_REFUSALS];
        iscep_json *entry = iscep_json_append_object(list);
        iscep_json_add_time(entry, "at", r->unix_ms);
        add_kind(entry, &r->kind);
        iscep_json_add_text(entry, "transactionId", r->transaction_id);
        iscep_json_add_text(entry, "subject", r->subject);
        iscep_json_add_text(entry, "requestId", r->request_id);
        iscep_json_add_text(entry, "message", r->message);
    }
}

void iscep_recent_describe(iscep_recent *recent, const char *tenant_name, iscep_json *object)
{
    pthread_mutex_lock(&recent->lock);
    const recent_tenant *tenant = find_tenant_locked(recent, tenant_name);
    if (tenant != NULL) {
        const int64_t now = minute_now(recent);
        iscep_json *verdicts = iscep_json_add_object(object, "verdicts");
        add_totals(tenant, now, verdicts);
        add_codes(tenant, now, verdicts);
        add_minutes(recent, tenant, verdicts);
        add_refusals(tenant, object);
    }
    pthread_mutex_unlock(&recent->lock);
}

/* Of one hour's waits, in order, the one of that rank; taken to lie evenly within its bucket. */
static int64_t wait_at(const uint64_t *waits, uint64_t rank)
{
    uint64_t before = 0;
    for (size_t i = 0; i < WAIT_BOUNDS; i++) {
        const int64_t lower = i > 0 ? wait_bounds_ms[i - 1] : 0;
        if (rank <= before + waits[i])
            return lower + (wait_bounds_ms[i] - lower) * (int64_t)(rank - before) / (int64_t)waits[i];
        before += waits[i];
    }
    return wait_bounds_ms[WAIT_BOUNDS - 1];
}

static void add_waits(const recent_tenant *tenant, int64_t now, iscep_json *object)
{
    uint64_t waits[WAIT_BOUNDS + 1] = {0}, total = 0;
    for (int64_t number = now - MINUTES + 1; number <= now; number++) {
        const minute *m = minute_of(tenant, number);
        for (size_t i = 0; m != NULL && i <= WAIT_BOUNDS; i++) {
            waits[i] += m->waits[i];
            total += m->waits[i];
        }
    }
    if (total == 0) {
        iscep_json_add_text(object, "p50Ms", NULL);
        iscep_json_add_text(object, "p99Ms", NULL);
        return;
    }
    iscep_json_add_int(object, "p50Ms", wait_at(waits, (total + 1) / 2));
    iscep_json_add_int(object, "p99Ms", wait_at(waits, (total * 99 + 99) / 100));
}

void iscep_recent_describe_contact(iscep_recent *recent, const char *tenant_name, iscep_json *object)
{
    pthread_mutex_lock(&recent->lock);
    const recent_tenant *tenant = find_tenant_locked(recent, tenant_name);
    if (tenant != NULL) {
        iscep_json_add_time(object, "lastAnswerAt", tenant->answered_unix_ms);
        iscep_json_add_time(object, "lastFailureAt", tenant->failure.unix_ms);
        if (tenant->failure.unix_ms > 0) {
            iscep_json *failure = iscep_json_add_object(object, "lastFailure");
            iscep_json_add_text(failure, "code", tenant->failure.kind.code);
            iscep_json_add_text(failure, "message", tenant->failure.message);
        }
        add_waits(tenant, minute_now(recent), object);
    }
    pthread_mutex_unlock(&recent->lock);
}
