/* See judge.h. */
#include "judge.h"

#include <string.h>

#include "host_state.h"
#include "tests/bench/fetch.h"

enum { MAX_REPLY_LEN = 64 * 1024 * 1024 };

/* All that is compared, as sets. */
typedef struct evidence {
    chaos_text_set delivered, delivered_serials;
    chaos_text_set withheld_serials;
    chaos_text_set told, told_serials;
    int64_t told_again;       /* notifications beyond the first of a transaction: deliveries are retried */
    int64_t told_differently; /* transactions of which Intune was told two different things */
    chaos_text_set issued_serials, revoked_serials, crl_serials;
    int64_t asked, answered, failed; /* revocations */
    int64_t answers;                 /* results that were taken */
    chaos_text_set asked_serials;
} evidence;

static void clear_evidence(evidence *found)
{
    chaos_text_set *sets[] = {
        &found->delivered,    &found->delivered_serials, &found->withheld_serials, &found->told,
        &found->told_serials, &found->issued_serials,    &found->revoked_serials,  &found->crl_serials,
        &found->asked_serials};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        chaos_text_set_clear(sets[i]);
}

static int64_t number(const iscep_json *json, const char *name)
{
    int64_t value = -1;
    return iscep_json_int(json, name, &value) ? value : -1;
}

/* The reply to GET path on the connector's socket. */
static iscep_status ask_connector(iscep_json **out, const chaos_case *it, const char *path, iscep_error *err)
{
    ISCEP_AUTO_BUF url, reply;
    iscep_buf_init(&url, 256);
    iscep_buf_init(&reply, MAX_REPLY_LEN);
    iscep_buf_printf(&url, "http://connector%s", path);
    const bench_fetch_request request = {
        .method = "GET", .url = iscep_buf_text(&url), .socket_path = it->connector->socket_path};
    iscep_status status = bench_fetch(&reply, &request, err);
    return status == ISCEP_OK ? iscep_json_parse(out, iscep_buf_bytes(&reply), err) : status;
}

/* --- gathering --- */

static iscep_status read_told(evidence *out, const chaos_case *it, iscep_error *err)
{
    ISCEP_AUTO_JSON *all = NULL;
    iscep_status status = chaos_intune_ask(&all, &it->intune, "GET", "/transactions", NULL, err);
    for (const iscep_json *t = iscep_json_first(all); status == ISCEP_OK && t != NULL;
         t = iscep_json_next(t)) {
        const iscep_json *success = iscep_json_member(t, "success");
        if (!iscep_json_is_object(success))
            continue;
        out->told_again += number(success, "count") - 1;
        const iscep_json *fields = iscep_json_member(success, "fields");
        out->told_differently += number(success, "distinctContents") > 1;
        status = chaos_text_set_add(&out->told, iscep_json_text(fields, "certificateThumbprint"), err);
        if (status == ISCEP_OK)
            status =
                chaos_serial_add(&out->told_serials, iscep_json_text(fields, "certificateSerialNumber"), err);
    }
    chaos_text_set_seal(&out->told);
    chaos_text_set_seal(&out->told_serials);
    return status;
}

static iscep_status read_asked(evidence *out, const chaos_case *it, iscep_error *err)
{
    ISCEP_AUTO_JSON *all = NULL;
    iscep_status status = chaos_intune_ask(&all, &it->intune, "GET", "/revocations", NULL, err);
    for (const iscep_json *r = iscep_json_first(all); status == ISCEP_OK && r != NULL;
         r = iscep_json_next(r)) {
        const char *state = iscep_json_text(r, "state");
        out->asked++;
        out->answered += state != NULL && strcmp(state, "succeeded") == 0;
        out->failed += state != NULL && strcmp(state, "failed") == 0;
        out->answers += number(r, "results");
        status = chaos_serial_add(&out->asked_serials, iscep_json_text(r, "serialNumber"), err);
    }
    chaos_text_set_seal(&out->asked_serials);
    return status;
}

/* The connector's own revocations: of certificates that it has given up, perhaps after the SCEP server had died. */
static iscep_status read_given_up(evidence *out, const chaos_case *it, iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_status status = ask_connector(&reply, it, "/v1/revocations?state=all&limit=1000", err);
    const iscep_json *all = iscep_json_member(reply, "revocations");
    for (const iscep_json *r = iscep_json_first(all); status == ISCEP_OK && r != NULL; r = iscep_json_next(r))
        if (iscep_json_text(r, "requestContext") == NULL)
            status = chaos_serial_add(&out->withheld_serials, iscep_json_text(r, "serialNumber"), err);
    if (status == ISCEP_OK && iscep_json_is_true(reply, "isMore"))
        return iscep_error_set(err, ISCEP_PROTOCOL, "revocations",
                               "there are more revocations than can be listed");
    return status;
}

/* What the host was told to withhold, and what was given up without its knowledge. */
static iscep_status read_withheld(evidence *out, const chaos_case *it, iscep_error *err)
{
    iscep_status status = chaos_host_withheld(it->host_dir, &out->withheld_serials, err);
    if (status == ISCEP_OK)
        status = read_given_up(out, it, err);
    chaos_text_set_seal(&out->withheld_serials);
    return status;
}

static iscep_status gather(evidence *out, const chaos_case *it, iscep_error *err)
{
    iscep_status status = chaos_fleet_delivered(it->fleet, &out->delivered, &out->delivered_serials, err);
    if (status == ISCEP_OK)
        status = read_withheld(out, it, err);
    if (status == ISCEP_OK)
        status = read_told(out, it, err);
    if (status == ISCEP_OK)
        status = read_asked(out, it, err);
    if (status == ISCEP_OK)
        status = chaos_host_index(it->host_dir, &out->issued_serials, &out->revoked_serials, err);
    if (status == ISCEP_OK)
        status = chaos_host_crl(it->host_dir, it->ca, &out->crl_serials, err);
    return status;
}

/* --- comparing --- */

/* How many of these are in neither of those. */
static int64_t count_in_neither(const chaos_text_set *these, const chaos_text_set *those,
                                const chaos_text_set *others)
{
    int64_t count = 0;
    for (size_t i = 0; i < these->count; i++)
        count += !chaos_text_set_has(those, these->items[i]) && !chaos_text_set_has(others, these->items[i]);
    return count;
}

static int64_t count_in_both(const chaos_text_set *these, const chaos_text_set *those)
{
    return (int64_t)(these->count - chaos_text_set_count_missing(these, those));
}

static void judge_devices(chaos_figures *out, const chaos_case *it)
{
    chaos_fleet_counts counts = chaos_fleet_count(it->fleet);
    chaos_figures_add(out, "kills (kill -9)", it->connector->kills, CHAOS_SOME);
    chaos_figures_add(out, "kills of the SCEP server", it->host->kills, CHAOS_ANY);
    chaos_figures_add(out, "SCEP server ended by itself", it->host->crashes, CHAOS_NONE);
    chaos_figures_add(out, "connector ended by itself", it->connector->crashes, CHAOS_NONE);
    chaos_figures_add(out, "devices", counts.begun, CHAOS_SOME);
    chaos_figures_add(out, "replies PENDING", counts.pending, CHAOS_ANY);
    chaos_figures_add(out, "replies lost, asked again", counts.lost, CHAOS_ANY);
    chaos_figures_add(out, "devices refused", counts.refused, CHAOS_NONE);
    chaos_figures_add(out, "devices without a verdict", counts.without_verdict, CHAOS_NONE);
}

static void judge_certificates(chaos_figures *out, const chaos_case *it, const evidence *found)
{
    bool is_equal_wanted = it->mode != CHAOS_DEFERRED;
    bool may_withhold = it->mode == CHAOS_STRICT_REVOKE;
    chaos_figures_add(out, "certificates delivered", (int64_t)found->delivered.count, CHAOS_SOME);
    chaos_figures_add(out, "certificates told to Intune", (int64_t)found->told.count, CHAOS_SOME);
    chaos_figures_add(out, "told again, the same", found->told_again, CHAOS_ANY);
    chaos_figures_add(out, "LOST: delivered, never told",
                      (int64_t)chaos_text_set_count_missing(&found->delivered, &found->told), CHAOS_NONE);
    chaos_figures_add(
        out, "told, neither delivered nor withheld",
        count_in_neither(&found->told_serials, &found->delivered_serials, &found->withheld_serials),
        is_equal_wanted ? CHAOS_NONE : CHAOS_ANY);
    chaos_figures_add(out, "TOLD TWICE, differently", found->told_differently, CHAOS_NONE);
    chaos_figures_add(out, "one certificate told for two", (int64_t)found->told.repeated_count, CHAOS_NONE);
    chaos_figures_add(out, "one certificate delivered to two", (int64_t)found->delivered.repeated_count,
                      CHAOS_NONE);
    chaos_figures_add(out, "certificates withheld", (int64_t)found->withheld_serials.count,
                      may_withhold ? CHAOS_ANY : CHAOS_NONE);
    chaos_figures_add(out, "withheld, though delivered",
                      count_in_both(&found->withheld_serials, &found->delivered_serials), CHAOS_NONE);
    chaos_figures_add(
        out, "withheld, not revoked",
        (int64_t)chaos_text_set_count_missing(&found->withheld_serials, &found->revoked_serials), CHAOS_NONE);
    chaos_figures_add(out, "withheld, taken note of too late",
                      count_in_both(&found->withheld_serials, &found->told_serials), CHAOS_ANY);
    /* A SCEP server that dies between issuing and saying so leaves one that nobody has. */
    chaos_figures_add(
        out, "issued, neither delivered nor withheld",
        count_in_neither(&found->issued_serials, &found->delivered_serials, &found->withheld_serials),
        it->host->kills > 0 ? CHAOS_ANY : CHAOS_NONE);
}

static void judge_revocations(chaos_figures *out, const evidence *found)
{
    chaos_figures_add(out, "revocations asked", found->asked, CHAOS_SOME);
    chaos_figures_add(out, "revocations answered", found->answered, CHAOS_SOME);
    chaos_figures_add(out, "answered again, the same", found->answers - found->answered - found->failed,
                      CHAOS_ANY);
    chaos_figures_add(out, "LOST: asked, never answered", found->asked - found->answered - found->failed,
                      CHAOS_NONE);
    chaos_figures_add(out, "answered with a failure", found->failed, CHAOS_NONE);
    chaos_figures_add(out, "certificates revoked", (int64_t)found->revoked_serials.count, CHAOS_SOME);
    chaos_figures_add(out, "asked, not revoked",
                      (int64_t)chaos_text_set_count_missing(&found->asked_serials, &found->revoked_serials),
                      CHAOS_NONE);
    chaos_figures_add(
        out, "revoked, neither asked nor withheld",
        count_in_neither(&found->revoked_serials, &found->asked_serials, &found->withheld_serials),
        CHAOS_NONE);
    chaos_figures_add(out, "REVOKED TWICE (index.txt)", (int64_t)found->revoked_serials.repeated_count,
                      CHAOS_NONE);
    chaos_figures_add(out, "twice in the CRL", (int64_t)found->crl_serials.repeated_count, CHAOS_NONE);
    chaos_figures_add(out, "revoked, not in the CRL",
                      (int64_t)chaos_text_set_count_missing(&found->revoked_serials, &found->crl_serials),
                      CHAOS_NONE);
    chaos_figures_add(out, "in the CRL, not revoked",
                      (int64_t)chaos_text_set_count_missing(&found->crl_serials, &found->revoked_serials),
                      CHAOS_NONE);
}

/* How many lines of the connector's log are of this event. */
static int64_t count_events(const chaos_case *it, const char *event)
{
    char line[4096], word[64];
    int64_t count = 0;
    FILE *log = fopen(it->connector_log, "re");
    snprintf(word, sizeof word, " %s ", event);
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        count += strstr(line, word) != NULL;
    if (log != NULL)
        fclose(log);
    return count;
}

static void judge_reloads(chaos_figures *out, const chaos_case *it)
{
    const chaos_wish wish = it->is_reloading ? CHAOS_SOME : CHAOS_NONE;
    chaos_figures_add(out, "reloads asked (SIGHUP)", it->reloads, wish);
    chaos_figures_add(out, "reloads taken", count_events(it, "reloaded"), wish);
    chaos_figures_add(out, "reloads refused, as they must be", count_events(it, "reload_refused"), wish);
}

/* Members that are absent count as -1. */
static iscep_status judge_debts(chaos_figures *out, const chaos_case *it, iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_status status = ask_connector(&reply, it, "/v1/journal", err);
    const iscep_json *journal = iscep_json_member(reply, "journal");
    chaos_figures_add(out, "reports still owed", number(journal, "owed"), CHAOS_NONE);
    chaos_figures_add(out, "reports given up", number(journal, "dead"), CHAOS_NONE);
    chaos_figures_add(out, "revocations still open", number(journal, "revocationsOpen"), CHAOS_NONE);
    return status;
}

bool chaos_is_at_rest(const chaos_case *it)
{
    ISCEP_AUTO_JSON *reply = NULL;
    ISCEP_AUTO_JSON *revocations = NULL;
    bool is_read = ask_connector(&reply, it, "/v1/journal", NULL) == ISCEP_OK;
    const iscep_json *journal = iscep_json_member(reply, "journal");
    if (!is_read || number(journal, "owed") != 0 || number(journal, "revocationsOpen") != 0 ||
        chaos_intune_ask(&revocations, &it->intune, "GET", "/revocations", NULL, NULL) != ISCEP_OK)
        return false;
    for (const iscep_json *r = iscep_json_first(revocations); r != NULL; r = iscep_json_next(r)) {
        const char *state = iscep_json_text(r, "state");
        if (state == NULL || (strcmp(state, "succeeded") != 0 && strcmp(state, "failed") != 0))
            return false;
    }
    return true;
}

iscep_status chaos_judge(chaos_figures *out, const chaos_case *it, iscep_error *err)
{
    evidence found = {0};
    iscep_status status = gather(&found, it, err);
    if (status == ISCEP_OK) {
        judge_devices(out, it);
        judge_reloads(out, it);
        judge_certificates(out, it, &found);
        judge_revocations(out, &found);
        status = judge_debts(out, it, err);
    }
    clear_evidence(&found);
    return status;
}
