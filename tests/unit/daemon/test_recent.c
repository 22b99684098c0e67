/* The last hour: what is counted, what is forgotten, and that nothing in it grows without bound. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "daemon/recent.h"
#include "tests/support/fake_env.h"

enum { MINUTE_MS = 60 * 1000 };

static fake_env fake;
static iscep_recent *recent;

static void set_up(void)
{
    fake_env_init(&fake);
    cr_assert_eq(iscep_recent_new(&recent, &fake.env, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_recent_free(recent);
    fake_env_clear(&fake);
}

TestSuite(recent, .init = set_up, .fini = tear_down);

/* One answer; request_id "": Intune was not asked. */
static void take(const char *tenant, const char *operation, iscep_decision decision, const char *code,
                 const char *request_id, double seconds)
{
    iscep_verdict verdict = {.decision = decision};
    iscep_text_copy(verdict.code, sizeof verdict.code, code);
    iscep_text_copy(verdict.request_id, sizeof verdict.request_id, request_id);
    snprintf(verdict.message, sizeof verdict.message, "why %s", code);
    iscep_recent_take(recent, &(iscep_answer){.tenant = tenant,
                                              .operation = operation,
                                              .verdict = &verdict,
                                              .transaction_id = "T1",
                                              .subject = "CN=dev",
                                              .seconds = seconds});
}

static void take_validated(iscep_decision decision, const char *code)
{
    take("contoso", "validate", decision, code, "id", 0.1);
}

static iscep_json *describe(const char *tenant)
{
    iscep_json *object = iscep_json_new_object();
    iscep_recent_describe(recent, tenant, object);
    return object;
}

static iscep_json *describe_contact(const char *tenant)
{
    iscep_json *object = iscep_json_new_object();
    iscep_recent_describe_contact(recent, tenant, object);
    return object;
}

static int64_t number_of(const iscep_json *json, const char *name)
{
    int64_t number = -1;
    iscep_json_int(json, name, &number);
    return number;
}

static int64_t total(const iscep_json *object, const char *operation, const char *verdict)
{
    const iscep_json *totals = iscep_json_member(iscep_json_member(object, "verdicts"), "totals");
    return number_of(iscep_json_member(totals, operation), verdict);
}

/* "5 validate allow Success, 1 other" */
static const char *codes_of(const iscep_json *object)
{
    static char text[8192];
    size_t len = 0;
    text[0] = '\0';
    const iscep_json *e =
        iscep_json_first(iscep_json_member(iscep_json_member(object, "verdicts"), "byCode"));
    for (; e != NULL; e = iscep_json_next(e)) {
        const char *operation = iscep_json_text(e, "operation"), *verdict = iscep_json_text(e, "verdict");
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%lld %s%s%s%s%s", len > 0 ? ", " : "",
                                (long long)number_of(e, "count"), operation != NULL ? operation : "",
                                operation != NULL ? " " : "", verdict != NULL ? verdict : "",
                                verdict != NULL ? " " : "", iscep_json_text(e, "code"));
    }
    return text;
}

/* Of a column of minutes: how many there are, and what stands in one counted from the end. */
static int64_t minute(const iscep_json *object, const char *verdict, size_t from_end)
{
    const iscep_json *minutes = iscep_json_member(iscep_json_member(object, "verdicts"), "perMinute");
    int64_t numbers[60], number = 0;
    size_t count = 0;
    for (const iscep_json *e = iscep_json_first(iscep_json_member(minutes, verdict)); e != NULL;
         e = iscep_json_next(e)) {
        cr_assert_lt(count, 60);
        cr_assert(iscep_json_as_int(e, &number));
        numbers[count++] = number;
    }
    cr_assert_eq(count, 60);
    return numbers[59 - from_end];
}

Test(recent, what_was_answered_is_counted_by_operation_verdict_and_code)
{
    for (int i = 0; i < 3; i++)
        take_validated(ISCEP_ALLOW, "Success");
    take("contoso", "issued", ISCEP_ALLOW, "Success", "id", 0.1);
    take("contoso", "issued", ISCEP_DELIVER, "reported_before", "", 0.1);
    take("contoso", "failed", ISCEP_DECLINE, "csr_challenge_foreign", "", 0.1);
    take_validated(ISCEP_DENY, "ChallengeExpired");
    take_validated(ISCEP_RETRY, "timeout");
    ISCEP_AUTO_JSON *object = describe("contoso");
    cr_assert_eq(total(object, "validate", "allow"), 3);
    cr_assert_eq(total(object, "validate", "deny"), 1);
    cr_assert_eq(total(object, "validate", "retry"), 1);
    cr_assert_eq(total(object, "issued", "allow"), 1);
    cr_assert_eq(total(object, "issued", "deliver"), 1);
    cr_assert_eq(total(object, "failed", "decline"), 1);
    cr_assert_str_eq(codes_of(object),
                     "3 validate allow Success, 1 issued allow Success, 1 issued deliver reported_before, "
                     "1 failed decline csr_challenge_foreign, 1 validate deny ChallengeExpired, "
                     "1 validate retry timeout");
    cr_assert_eq(minute(object, "allow", 0), 4);
    cr_assert_eq(minute(object, "deny", 0), 1);
}

Test(recent, a_tenant_does_not_see_anothers)
{
    take_validated(ISCEP_ALLOW, "Success");
    ISCEP_AUTO_JSON *object = describe("fabrikam");
    cr_assert_eq(total(object, "validate", "allow"), 0);
    cr_assert_str_eq(codes_of(object), "");
    cr_assert_null(iscep_json_first(iscep_json_member(object, "refusals")));
}

Test(recent, a_minute_leaves_after_an_hour_and_not_before)
{
    fake.mono_ms = FAKE_ENV_MONO_MS / MINUTE_MS * MINUTE_MS;
    take_validated(ISCEP_ALLOW, "Success");
    fake_env_advance(&fake, 59 * MINUTE_MS + MINUTE_MS - 1);
    take_validated(ISCEP_DENY, "ChallengeExpired");
    ISCEP_AUTO_JSON *whole = describe("contoso");
    cr_assert_eq(minute(whole, "allow", 59), 1);
    cr_assert_eq(minute(whole, "deny", 0), 1);
    cr_assert_eq(total(whole, "validate", "allow"), 1);
    fake_env_advance(&fake, 1);
    ISCEP_AUTO_JSON *later = describe("contoso");
    cr_assert_eq(total(later, "validate", "allow"), 0);
    cr_assert_eq(minute(later, "deny", 1), 1);
    cr_assert_str_eq(codes_of(later), "1 validate deny ChallengeExpired");
    ISCEP_AUTO_JSON *contact = describe_contact("contoso");
    cr_assert_eq(number_of(contact, "p50Ms"), 100);
}

Test(recent, days_of_silence_leave_nothing_but_the_refusals)
{
    take_validated(ISCEP_DENY, "ChallengeExpired");
    fake_env_advance(&fake, 49 * 60 * MINUTE_MS);
    ISCEP_AUTO_JSON *object = describe("contoso");
    for (size_t i = 0; i < 60; i++)
        cr_assert_eq(minute(object, "deny", i), 0);
    cr_assert_str_eq(iscep_json_text(iscep_json_first(iscep_json_member(object, "refusals")), "at"),
                     "2026-11-18T11:06:40.000Z");
    ISCEP_AUTO_JSON *contact = describe_contact("contoso");
    cr_assert(iscep_json_is_null(iscep_json_member(contact, "p50Ms")));
    cr_assert_str_eq(iscep_json_text(contact, "lastAnswerAt"), "2026-11-18T11:06:40.000Z");
}

Test(recent, a_wall_clock_that_jumps_moves_no_count)
{
    take_validated(ISCEP_ALLOW, "Success");
    fake.unix_ms -= 24 * 60 * (int64_t)MINUTE_MS;
    take_validated(ISCEP_ALLOW, "Success");
    ISCEP_AUTO_JSON *object = describe("contoso");
    cr_assert_eq(minute(object, "allow", 0), 2);
}

Test(recent, the_columns_begin_where_it_says)
{
    fake.mono_ms = 100 * MINUTE_MS + 7000; /* seven seconds into a minute */
    take_validated(ISCEP_ALLOW, "Success");
    ISCEP_AUTO_JSON *object = describe("contoso");
    const iscep_json *minutes = iscep_json_member(iscep_json_member(object, "verdicts"), "perMinute");
    cr_assert_str_eq(iscep_json_text(minutes, "startsAt"), "2026-11-18T10:07:33.000Z");
}

Test(recent, more_codes_than_there_is_room_for_are_other_until_an_hour_is_over)
{
    char code[32];
    for (int i = 0; i < 50; i++) {
        snprintf(code, sizeof code, "Code%d", i);
        take_validated(ISCEP_DENY, code);
    }
    take_validated(ISCEP_DENY, "Code0");
    ISCEP_AUTO_JSON *object = describe("contoso");
    cr_assert(strncmp(codes_of(object), "2 validate deny Code0, 2 other, 1 validate deny Code1, ", 54) == 0,
              "%s", codes_of(object));
    cr_assert_eq(total(object, "validate", "deny"), 51);
    fake_env_advance(&fake, 60 * MINUTE_MS);
    take_validated(ISCEP_DENY, "New");
    ISCEP_AUTO_JSON *later = describe("contoso");
    cr_assert_str_eq(codes_of(later), "1 validate deny New");
}

Test(recent, the_last_fifty_refusals_and_retries_are_kept_the_newest_first)
{
    char code[32];
    size_t count = 0;
    for (int i = 0; i < 60; i++) {
        snprintf(code, sizeof code, "Code%d", i);
        take_validated(i % 2 == 0 ? ISCEP_DENY : ISCEP_RETRY, code);
        take_validated(ISCEP_ALLOW, "Success");
    }
    ISCEP_AUTO_JSON *object = describe("contoso");
    for (const iscep_json *e = iscep_json_first(iscep_json_member(object, "refusals")); e != NULL;
         e = iscep_json_next(e)) {
        snprintf(code, sizeof code, "Code%d", 59 - (int)count);
        cr_assert_str_eq(iscep_json_text(e, "code"), code);
        count++;
    }
    cr_assert_eq(count, 50);
}

Test(recent, a_refusal_says_what_happened_and_what_to_do)
{
    take_validated(ISCEP_DENY, "csr_signature_invalid");
    ISCEP_AUTO_JSON *object = describe("contoso");
    const iscep_json *e = iscep_json_first(iscep_json_member(object, "refusals"));
    cr_assert_str_eq(iscep_json_text(e, "operation"), "validate");
    cr_assert_str_eq(iscep_json_text(e, "verdict"), "deny");
    cr_assert_str_eq(iscep_json_text(e, "transactionId"), "T1");
    cr_assert_str_eq(iscep_json_text(e, "subject"), "CN=dev");
    cr_assert_str_eq(iscep_json_text(e, "requestId"), "id");
    cr_assert_str_eq(iscep_json_text(e, "message"), "why csr_signature_invalid");
    cr_assert_str_eq(iscep_json_text(e, "advice"),
                     "without proof of possession no certificate; was the CSR changed after it was signed?");
}

Test(recent, texts_of_any_length_and_kind_are_cut_and_cleaned)
{
    char longest[4096];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    iscep_verdict verdict = {.decision = ISCEP_DENY, .code = "c"};
    iscep_recent_take(recent, &(iscep_answer){.tenant = "contoso",
                                              .operation = "validate",
                                              .verdict = &verdict,
                                              .transaction_id = longest,
                                              .subject = "CN=a\nb\xff"});
    ISCEP_AUTO_JSON *object = describe("contoso");
    const iscep_json *e = iscep_json_first(iscep_json_member(object, "refusals"));
    cr_assert_eq(strlen(iscep_json_text(e, "transactionId")), 255);
    cr_assert_str_eq(iscep_json_text(e, "subject"), "CN=a b?");
}

Test(recent, intune_has_answered_only_if_it_was_asked)
{
    take("contoso", "validate", ISCEP_DENY, "csr_malformed", "", 5);
    take("contoso", "issued", ISCEP_DELIVER, "x", "id", 5);
    ISCEP_AUTO_JSON *before = describe_contact("contoso");
    cr_assert(iscep_json_is_null(iscep_json_member(before, "lastAnswerAt")));
    cr_assert(iscep_json_is_null(iscep_json_member(before, "p50Ms")));
    take("contoso", "validate", ISCEP_DENY, "ChallengeExpired", "id", 0.2);
    ISCEP_AUTO_JSON *after = describe_contact("contoso");
    cr_assert_str_eq(iscep_json_text(after, "lastAnswerAt"), "2026-11-18T11:06:40.000Z");
    cr_assert_eq(number_of(after, "p50Ms"), 200);
}

Test(recent, a_failure_of_our_own_says_nothing_of_intune)
{
    static const char *const ours[] = {"journal_full", "shutting_down", "circuit_open", "nomem"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        take("contoso", "validate", ISCEP_RETRY, ours[i], "", 0);
    ISCEP_AUTO_JSON *before = describe_contact("contoso");
    cr_assert(iscep_json_is_null(iscep_json_member(before, "lastFailureAt")));
    cr_assert_null(iscep_json_member(before, "lastFailure"));
    take("contoso", "validate", ISCEP_RETRY, "timeout", "id", 10);
    ISCEP_AUTO_JSON *after = describe_contact("contoso");
    cr_assert_str_eq(iscep_json_text(after, "lastFailureAt"), "2026-11-18T11:06:40.000Z");
    cr_assert_str_eq(iscep_json_text(iscep_json_member(after, "lastFailure"), "code"), "timeout");
}

Test(recent, waits_are_told_by_rank)
{
    for (int i = 0; i < 98; i++)
        take("contoso", "validate", ISCEP_ALLOW, "Success", "id", 0.09);
    take("contoso", "validate", ISCEP_ALLOW, "Success", "id", 2.5);
    take("contoso", "validate", ISCEP_ALLOW, "Success", "id", 4000);
    ISCEP_AUTO_JSON *contact = describe_contact("contoso");
    cr_assert_eq(number_of(contact, "p50Ms"), 70 + 30 * 50 / 98);
    cr_assert_eq(number_of(contact, "p99Ms"), 3000);
    take("contoso", "validate", ISCEP_ALLOW, "Success", "id", 4000);
    ISCEP_AUTO_JSON *worse = describe_contact("contoso");
    cr_assert_eq(number_of(worse, "p99Ms"), 30000);
}

Test(recent, tenants_of_old_configurations_make_room)
{
    char name[32];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "tenant-%d", i);
        take(name, "validate", ISCEP_ALLOW, "Success", "id", 0.1);
        fake_env_advance(&fake, 1);
    }
    ISCEP_AUTO_JSON *newest = describe("tenant-99");
    cr_assert_eq(total(newest, "validate", "allow"), 1);
    ISCEP_AUTO_JSON *kept = describe("tenant-37");
    cr_assert_eq(total(kept, "validate", "allow"), 1);
    ISCEP_AUTO_JSON *gone = describe("tenant-35");
    cr_assert_eq(total(gone, "validate", "allow"), 0);
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *take_many(void *user)
{
    (void)user;
    for (int i = 0; i < ROUNDS; i++)
        take_validated(i % 2 == 0 ? ISCEP_ALLOW : ISCEP_DENY, "x");
    return NULL;
}

Test(recent, workers_count_together_while_somebody_looks)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_many, NULL), 0);
    for (int i = 0; i < 50; i++)
        iscep_json_free(describe("contoso"));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ISCEP_AUTO_JSON *object = describe("contoso");
    cr_assert_eq(total(object, "validate", "allow"), THREADS * ROUNDS / 2);
    cr_assert_eq(total(object, "validate", "deny"), THREADS * ROUNDS / 2);
}
