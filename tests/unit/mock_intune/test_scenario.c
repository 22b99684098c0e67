/* Scenarios: which files are understood, and what happens when. */
#include "scenario.h"

#include <string.h>

#include <criterion/criterion.h>

#include "fault_kinds.h"
#include "fixture.h"

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(scenario, .init = open_fixture, .fini = close_fixture);

static mock_scenario *start(const char *text)
{
    mock_scenario *scenario = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(mock_scenario_parse(&scenario, iscep_bytes_of_text(text), FIXTURE_CLIENT, &err), ISCEP_OK,
                 "%s", err.message);
    mock_scenario_start(scenario, f.now_ms);
    return scenario;
}

#define CUT "{\"endpoint\":\"validate\",\"kind\":\"cut\"}"

Test(scenario, time_brings_a_fault_and_takes_it_away)
{
    mock_scenario *scenario = start("{\"steps\":[{\"atMs\":1000,\"fault\":" CUT "},"
                                    "{\"atMs\":5000,\"clearFaults\":true}]}");
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.faults.count, 0);
    cr_assert_eq(mock_scenario_wait_ms(scenario, f.now_ms), 1000);
    f.now_ms += 1000;
    mock_scenario_advance(scenario, &f.mock);
    mock_scenario_advance(scenario, &f.mock); /* each step once */
    cr_assert_eq(f.mock.faults.count, 1);
    cr_assert_str_eq(f.mock.faults.items[0].kind->name, "cut");
    cr_assert_eq(mock_scenario_wait_ms(scenario, f.now_ms), 4000);
    f.now_ms += 4000;
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.faults.count, 0);
    cr_assert_eq(mock_scenario_wait_ms(scenario, f.now_ms), -1);
    mock_scenario_free(scenario);
}

/* Whoever looks late still finds the fault as old as it is. */
Test(scenario, a_fault_begins_at_its_time_and_not_when_it_is_noticed)
{
    mock_scenario *scenario =
        start("{\"steps\":[{\"atMs\":1000,\"fault\":{\"endpoint\":\"all\",\"kind\":\"cut\","
              "\"forMs\":500}}]}");
    f.now_ms += 1200;
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.faults.items[0].ends_mono_ms, FIXTURE_NOW_MS + 1500);
    mock_scenario_free(scenario);
}

Test(scenario, requests_of_one_endpoint_or_of_all_are_counted)
{
    mock_scenario *scenario =
        start("{\"steps\":[{\"afterRequests\":2,\"endpoint\":\"validate\",\"fault\":" CUT "},"
              "{\"afterRequests\":4,\"clearFaults\":true}]}");
    mock_endpoint_stats *stats = f.mock.stats.endpoints;
    stats[MOCK_TOKEN].requests = 1;
    stats[MOCK_VALIDATE].requests = 2;
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.faults.count, 0);
    stats[MOCK_VALIDATE].requests = 3; /* the third meets it */
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.faults.count, 1);
    stats[MOCK_TOKEN].requests = 2;
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.faults.count, 0);
    cr_assert_eq(mock_scenario_wait_ms(scenario, f.now_ms), -1);
    mock_scenario_free(scenario);
}

Test(scenario, a_tenant_changes)
{
    mock_scenario *scenario = start("{\"steps\":[{\"atMs\":0,\"tenant\":{\"id\":\"" FIXTURE_TENANT
                                    "\",\"licence\":false}},{\"atMs\":0,\"tenant\":{\"id\":\"new\"}}]}");
    mock_scenario_advance(scenario, &f.mock);
    cr_assert_eq(f.mock.tenants.count, 2);
    cr_assert_not(f.mock.tenants.items[0].has_licence);
    cr_assert_str_eq(f.mock.tenants.items[1].client_id, FIXTURE_CLIENT);
    mock_scenario_free(scenario);
}

Test(scenario, what_is_wrong_is_named_with_its_step)
{
    const struct {
        const char *text, *message;
    } rows[] = {
        {"", "not one well-formed JSON document"},
        {"[]", "not a JSON object"},
        {"{}", "member \"steps\" is missing"},
        {"{\"steps\":[1]}", "steps[0]: not a JSON object"},
        {"{\"steps\":[{\"fault\":" CUT "}]}", "steps[0]: one of atMs and afterRequests is wanted"},
        {"{\"steps\":[{\"atMs\":1,\"afterRequests\":1,\"fault\":" CUT "}]}",
         "steps[0]: one of atMs and afterRequests is wanted"},
        {"{\"steps\":[{\"atMs\":-1,\"fault\":" CUT "}]}",
         "steps[0]: atMs must be 0 to seven days, and has no endpoint"},
        {"{\"steps\":[{\"atMs\":1,\"endpoint\":\"token\",\"fault\":" CUT "}]}",
         "steps[0]: atMs must be 0 to seven days, and has no endpoint"},
        {"{\"steps\":[{\"afterRequests\":1,\"endpoint\":\"nowhere\",\"fault\":" CUT "}]}",
         "steps[0]: endpoint must be all or one of " MOCK_ENDPOINT_WORDS},
        {"{\"steps\":[{\"atMs\":1}]}", "steps[0]: one of fault, tenant and clearFaults is wanted"},
        {"{\"steps\":[{\"atMs\":1,\"clearFaults\":false}]}",
         "steps[0]: one of fault, tenant and clearFaults is wanted"},
        {"{\"steps\":[{\"atMs\":1,\"clearFaults\":true,\"fault\":" CUT "}]}",
         "steps[0]: one of fault, tenant and clearFaults is wanted"},
        {"{\"steps\":[{\"atMs\":1,\"clearFaults\":true},{\"atMs\":2,\"fault\":{\"endpoint\":\"validate\"}}]}",
         "steps[1]: member \"kind\" is missing"},
        {"{\"steps\":[{\"atMs\":1,\"fault\":{\"endpoint\":\"validate\",\"kind\":\"explode\"}}]}",
         "steps[0]: there is no such kind of fault"},
        {"{\"steps\":[{\"atMs\":1,\"tenant\":{\"licence\":false}}]}", "steps[0]: member \"id\" is missing"},
        {"{\"steps\":[{\"atMs\":1,\"tenant\":{\"id\":\"t\",\"license\":false}}]}",
         "steps[0]: unknown member \"license\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mock_scenario *scenario = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_status status =
            mock_scenario_parse(&scenario, iscep_bytes_of_text(rows[i].text), FIXTURE_CLIENT, &err);
        cr_assert_eq(status, ISCEP_USAGE, "row %zu", i);
        cr_assert_str_eq(err.message, rows[i].message);
        cr_assert_null(scenario);
    }
}

Test(scenario, a_file_that_is_not_there_is_named)
{
    mock_scenario *scenario = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_neq(mock_scenario_load(&scenario, "/nonexistent/day.json", FIXTURE_CLIENT, &err), ISCEP_OK);
    cr_assert_not_null(strstr(err.message, "/nonexistent/day.json"));
    cr_assert_null(scenario);
}

Test(scenario, a_file_that_cannot_be_read_is_a_wrong_option)
{
    static const struct {
        const char *path, *message;
    } rows[] = {{"/nonexistent", "--scenario: /nonexistent: No such file or directory"},
                {"/", "--scenario: /: Is a directory"},
                {"/dev/zero", "--scenario: /dev/zero: is too large"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mock_scenario *scenario = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(mock_scenario_load(&scenario, rows[i].path, FIXTURE_CLIENT, &err), ISCEP_USAGE);
        cr_assert_str_eq(err.message, rows[i].message);
        cr_assert_null(scenario);
    }
}
