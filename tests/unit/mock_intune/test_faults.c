/* Which request meets which fault, and which faults make no sense. */
#include "faults.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fault_kinds.h"
#include "fixture.h"

static mock_fault make(mock_endpoint endpoint, const char *kind)
{
    return (mock_fault){.kind = mock_fault_kind_find(kind),
                        .endpoint = endpoint,
                        .probability = 1,
                        .times_left = -1,
                        .for_ms = -1};
}

static const char *take(mock_faults *faults, mock_endpoint endpoint, int64_t now_ms)
{
    mock_fault fault;
    return mock_faults_take(&fault, faults, endpoint, now_ms) ? fault.kind->name : "none";
}

Test(faults, are_for_one_endpoint_or_for_all)
{
    mock_faults faults = {0};
    mock_fault cut = make(MOCK_VALIDATE, "cut"), refuse = make(MOCK_TOKEN, "refuse");
    refuse.is_for_all = true;
    cr_assert(mock_faults_add(&faults, &cut, 0));
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "cut");
    cr_assert_str_eq(take(&faults, MOCK_TOKEN, 0), "none");
    cr_assert(mock_faults_add(&faults, &refuse, 0));
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "cut"); /* the older one */
    cr_assert_str_eq(take(&faults, MOCK_TOKEN, 0), "refuse");
    cr_assert_str_eq(take(&faults, MOCK_FAILURE_NOTE, 0), "refuse");
    mock_faults_clear(&faults);
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "none");
}

Test(faults, end_after_their_times_and_the_next_begins)
{
    mock_faults faults = {0};
    mock_fault cut = make(MOCK_VALIDATE, "cut"), html = make(MOCK_VALIDATE, "html");
    cut.times_left = 2;
    html.times_left = 1;
    cr_assert(mock_faults_add(&faults, &cut, 0) && mock_faults_add(&faults, &html, 0));
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "cut");
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "cut");
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "html");
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 0), "none");
}

Test(faults, end_at_their_time)
{
    mock_faults faults = {0};
    mock_fault cut = make(MOCK_VALIDATE, "cut");
    cut.for_ms = 100;
    cr_assert(mock_faults_add(&faults, &cut, 0));
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 99), "cut");
    cr_assert_str_eq(take(&faults, MOCK_VALIDATE, 100), "none");
    cr_assert_eq(faults.count, 0);
}

static int count_hits(uint64_t seed, double probability, int requests)
{
    mock_faults faults = {0};
    mock_fault cut = make(MOCK_VALIDATE, "cut");
    int hits = 0;
    cut.probability = probability;
    cut.random_state = seed;
    cr_assert(mock_faults_add(&faults, &cut, 0));
    for (int i = 0; i < requests; i++)
        hits += strcmp(take(&faults, MOCK_VALIDATE, 0), "cut") == 0;
    return hits;
}

Test(faults, a_probability_hits_its_share_and_the_seed_says_which)
{
    int hits = count_hits(42, 0.1, 10000);
    cr_assert(hits > 900 && hits < 1100, "%d", hits);
    cr_assert_eq(count_hits(42, 0.1, 10000), hits);
    cr_assert_neq(count_hits(43, 0.1, 10000), hits);
    cr_assert_eq(count_hits(42, 1, 100), 100);
}

Test(faults, who_escapes_one_by_chance_meets_the_next)
{
    mock_faults faults = {0};
    mock_fault cut = make(MOCK_VALIDATE, "cut"), html = make(MOCK_VALIDATE, "html");
    cut.probability = 0.5;
    cut.times_left = 3;
    html.times_left = 1;
    cr_assert(mock_faults_add(&faults, &cut, 0) && mock_faults_add(&faults, &html, 0));
    int cuts = 0, htmls = 0;
    for (int i = 0; i < 100; i++) {
        const char *met = take(&faults, MOCK_VALIDATE, 0);
        cuts += strcmp(met, "cut") == 0;
        htmls += strcmp(met, "html") == 0;
    }
    cr_assert_eq(cuts, 3); /* only hits are counted down */
    cr_assert_eq(htmls, 1);
}

Test(faults, have_a_maximum)
{
    mock_faults faults = {0};
    mock_fault cut = make(MOCK_VALIDATE, "cut");
    for (int i = 0; i < MOCK_FAULTS_MAX; i++)
        cr_assert(mock_faults_add(&faults, &cut, 0));
    cr_assert_not(mock_faults_add(&faults, &cut, 0));
}

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(fault_admin, .init = open_fixture, .fini = close_fixture);

static int32_t add(const char *json)
{
    mock_reply reply;
    mock_request request = {.segment = "", .body = iscep_bytes_of_text(json)};
    fixture_call(&f, mock_admin_add_fault, &request, &reply);
    int32_t status = reply.status;
    mock_reply_clear(&reply);
    return status;
}

Test(fault_admin, takes_every_kind)
{
    const char *bodies[] = {
        "{\"endpoint\":\"token\",\"kind\":\"latency\",\"latencyMs\":5}",
        "{\"endpoint\":\"discovery\",\"kind\":\"status\",\"status\":429,\"retryAfter\":7}",
        "{\"endpoint\":\"validate\",\"kind\":\"hang\",\"times\":1}",
        "{\"endpoint\":\"success\",\"kind\":\"cut\",\"processed\":true}",
        "{\"endpoint\":\"failure\",\"kind\":\"reset\",\"forMs\":100}",
        "{\"endpoint\":\"all\",\"kind\":\"refuse\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"truncate\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"html\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"garbage\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"huge\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"redirect\",\"location\":\"https://x.example/\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"code\",\"code\":\"Sucess\"}",
        "{\"endpoint\":\"download\",\"kind\":\"deep\"}",
        "{\"endpoint\":\"upload\",\"kind\":\"contentType\"}",
        "{\"endpoint\":\"all\",\"kind\":\"drip\",\"pauseMs\":5}",
        "{\"endpoint\":\"token\",\"kind\":\"audience\",\"probability\":0.25,\"seed\":7}",
        "{\"endpoint\":\"imds\",\"kind\":\"expired\"}",
    };
    size_t count = sizeof(bodies) / sizeof(bodies[0]);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(add(bodies[i]), 200, "%s", bodies[i]);
    cr_assert_eq(f.mock.faults.count, count);
    cr_assert_eq(f.mock.faults.items[1].retry_after_s, 7);
    cr_assert(f.mock.faults.items[3].is_processed);
    cr_assert_eq(f.mock.faults.items[14].pause_ms, 5);
    cr_assert_eq(f.mock.faults.items[15].probability, 0.25);
    cr_assert_eq(f.mock.faults.items[15].random_state, 7);
    cr_assert_eq(f.mock.faults.items[4].ends_mono_ms, FIXTURE_NOW_MS + 100);
}

Test(fault_admin, refuses_what_makes_no_sense)
{
    const char *bodies[] = {
        "",
        "{}",
        "{\"endpoint\":\"validate\"}",
        "{\"kind\":\"cut\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"explode\"}",
        "{\"endpoint\":\"everywhere\",\"kind\":\"cut\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"more\":1}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"times\":0}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"latencyMs\":-1}",
        "{\"endpoint\":\"validate\",\"kind\":\"status\",\"status\":200}",
        "{\"endpoint\":\"validate\",\"kind\":\"code\"}",
        "{\"endpoint\":\"token\",\"kind\":\"code\",\"code\":\"x\"}",
        "{\"endpoint\":\"all\",\"kind\":\"code\",\"code\":\"x\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"refuse\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"processed\":1}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"probability\":0}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"probability\":1.5}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"probability\":\"1\"}",
        "{\"endpoint\":\"validate\",\"kind\":\"cut\",\"seed\":1}",
        "{\"endpoint\":\"validate\",\"kind\":\"drip\",\"pauseMs\":0}",
        "{\"endpoint\":\"validate\",\"kind\":\"audience\"}",
        "{\"endpoint\":\"all\",\"kind\":\"expired\"}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        cr_assert_eq(add(bodies[i]), 400, "%s", bodies[i]);
    cr_assert_eq(f.mock.faults.count, 0);
}

/* Whoever goes through all kinds at all endpoints can ask for the list, and each pair in it can be planted. */
Test(fault_admin, every_kind_that_is_listed_can_be_planted_where_it_says)
{
    ISCEP_AUTO_JSON *kinds = fixture_admin(&f, mock_admin_list_fault_kinds, "", "", 200);
    size_t pairs = 0;
    for (const iscep_json *k = iscep_json_first(kinds); k != NULL; k = iscep_json_next(k)) {
        const iscep_json *endpoints = iscep_json_member(k, "endpoints");
        for (const iscep_json *e = iscep_json_first(endpoints); e != NULL; e = iscep_json_next(e), pairs++) {
            char body[256];
            snprintf(body, sizeof(body), "{\"endpoint\":\"%s\",\"kind\":\"%s\",\"code\":\"x\"}",
                     iscep_json_as_text(e), iscep_json_text(k, "kind"));
            cr_assert_eq(add(body), 200, "%s", body);
            mock_faults_clear(&f.mock.faults);
        }
    }
    /* 13 kinds for 8 endpoints and all, code for 3, refuse for all, two for those that hand out tokens */
    cr_assert_eq(pairs, 13 * 9 + 3 + 1 + 2 * 2, "%zu", pairs);
}
