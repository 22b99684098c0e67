/* See fake_journal.h: the functions of journal/ and service/ that the operator's API calls. */
#include "tests/unit/daemon/fake_journal.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/heartbeat.h"
#include "journal/deliveries.h"
#include "journal/inspect.h"
#include "service/revoker.h"
#include "service/service.h"

fake_journal journal_asked;

void fake_journal_reset(void)
{
    journal_asked = (fake_journal){.document = "{}", .count = 1, .fault = ISCEP_ERROR_INIT};
}

static void answer_document(iscep_journal_json_fn done, void *user)
{
    ISCEP_AUTO_JSON *json = NULL;
    if (journal_asked.fault.status != ISCEP_OK) {
        done(user, journal_asked.fault.status, NULL, &journal_asked.fault);
        return;
    }
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(journal_asked.document), NULL), ISCEP_OK);
    done(user, ISCEP_OK, json, NULL);
}

static void answer_count(iscep_journal_count_fn done, void *user)
{
    done(user, journal_asked.fault.status, journal_asked.count, &journal_asked.fault);
}

/* " of NAME"; empty: everybody's. */
static const char *of(const char *tenant)
{
    static char text[80];
    snprintf(text, sizeof text, "%s%s", tenant != NULL ? " of " : "", tenant != NULL ? tenant : "");
    return text;
}

void iscep_journal_trace(iscep_journal *journal, const char *tenant, iscep_trace_by by, const char *what,
                         size_t limit, iscep_journal_json_fn done, void *user)
{
    (void)journal;
    snprintf(journal_asked.asked, sizeof journal_asked.asked, "trace %d %.400s limit %zu%s", (int)by, what,
             limit, of(tenant));
    answer_document(done, user);
}

void iscep_journal_list_deliveries(iscep_journal *journal, const char *tenant, int64_t id, bool is_dead_only,
                                   size_t limit, iscep_journal_json_fn done, void *user)
{
    (void)journal;
    snprintf(journal_asked.asked, sizeof journal_asked.asked, "deliveries %lld %s limit %zu%s", (long long)id,
             is_dead_only ? "dead" : "all", limit, of(tenant));
    answer_document(done, user);
}

void iscep_journal_list_revocations(iscep_journal *journal, const char *tenant, bool is_open_only,
                                    size_t limit, iscep_journal_json_fn done, void *user)
{
    (void)journal;
    snprintf(journal_asked.asked, sizeof journal_asked.asked, "revocations %s limit %zu%s",
             is_open_only ? "open" : "all", limit, of(tenant));
    answer_document(done, user);
}

void iscep_journal_stats(iscep_journal *journal, iscep_journal_json_fn done, void *user)
{
    (void)journal;
    snprintf(journal_asked.asked, sizeof journal_asked.asked, "stats");
    answer_document(done, user);
}

static void note_ids(const char *what, const char *tenant, const int64_t *ids, size_t id_count)
{
    int len = snprintf(journal_asked.asked, sizeof journal_asked.asked, "%s%s%s", what,
                       ids == NULL ? " all" : "", of(tenant));
    for (size_t i = 0; ids != NULL && i < id_count && i < 8; i++)
        len += snprintf(journal_asked.asked + len, sizeof journal_asked.asked - (size_t)len, " %lld",
                        (long long)ids[i]);
}

void iscep_journal_retry_deliveries(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                    size_t id_count, iscep_journal_count_fn done, void *user)
{
    (void)journal;
    note_ids("retry", tenant, ids, id_count);
    answer_count(done, user);
}

void iscep_journal_purge_deliveries(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                    size_t id_count, iscep_journal_count_fn done, void *user)
{
    (void)journal;
    note_ids("purge", tenant, ids, id_count);
    answer_count(done, user);
}

void iscep_service_wake(iscep_service *service)
{
    (void)service;
    journal_asked.woken++;
}

void iscep_revoker_approve(iscep_revoker *revoker, iscep_journal_count_fn done, void *user)
{
    (void)revoker;
    snprintf(journal_asked.asked, sizeof journal_asked.asked, "approve");
    answer_count(done, user);
}

bool iscep_revoker_is_polling(const iscep_revoker *revoker)
{
    (void)revoker;
    return !journal_asked.is_poll_off;
}

const char *iscep_revoker_poll_now(iscep_revoker *revoker)
{
    (void)revoker;
    journal_asked.polled += journal_asked.leader == NULL;
    return journal_asked.leader;
}

void iscep_heartbeat_ask(iscep_heartbeat *heartbeat, iscep_nodes_document_fn done, void *user)
{
    iscep_json *json = NULL;
    (void)heartbeat;
    snprintf(journal_asked.asked, sizeof journal_asked.asked, "nodes");
    if (journal_asked.fault.status == ISCEP_OK)
        cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(journal_asked.document), NULL), ISCEP_OK);
    done(user, json);
}

void iscep_revoker_describe(const iscep_revoker *revoker, iscep_json *object)
{
    (void)revoker;
    iscep_json_add_bool(object, "isHeld", false);
}
