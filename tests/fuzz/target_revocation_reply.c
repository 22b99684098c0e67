/*
 * intune/revocation: the reply to a download, and, read as such, to an upload. Whatever it says, an answer comes exactly
 * once, every entry can be answered, there are no more than were asked for, and only a yes means that results are taken.
 *
 * Input: a line with the HTTP status in decimal, then the body.
 */
#include <string.h>

#include "intune/revocation.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/fake_cloud.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_text.h"

#define DISCOVERY                                                                                            \
    "{\"value\":[{\"providerName\":\"PkiConnectorFEService\",\"uri\":\"https://fef.manage.microsoft.com/"    \
    "pki\"}]}"

enum { MAX_ENTRIES = 3, TIMEOUT_MS = 60000 };

typedef struct got {
    bool is_there;
    bool is_ok;
} got;

static void on_downloaded(void *user, const iscep_revocation_entry *entries, size_t count, size_t dropped,
                          const char *request_id, const iscep_error *err)
{
    (void)request_id;
    got *g = user;
    FUZZ_CHECK(!g->is_there);
    g->is_there = true;
    g->is_ok = err->status == ISCEP_OK;
    FUZZ_CHECK(count <= MAX_ENTRIES && (g->is_ok || (count == 0 && dropped == 0)));
    FUZZ_CHECK(oracle_is_line(err->code) && oracle_is_line(err->message));
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(entries[i].context);
        FUZZ_CHECK(len > 0 && len <= ISCEP_REVOCATION_MAX_CONTEXT_LEN);
        FUZZ_CHECK(entries[i].serial != NULL && entries[i].issuer != NULL &&
                   entries[i].configuration != NULL);
    }
}

static void on_uploaded(void *user, const char *request_id, const iscep_error *err)
{
    (void)request_id;
    got *g = user;
    FUZZ_CHECK(!g->is_there);
    g->is_there = true;
    g->is_ok = err->status == ISCEP_OK;
    FUZZ_CHECK(oracle_is_line(err->code) && oracle_is_line(err->message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fake_cloud cloud;
    static got downloaded, uploaded;
    const iscep_upload_entry entry = {"context", ISCEP_REVOKED_NOT_FOUND, "never issued"};
    const iscep_upload upload = {&entry, 1, false};
    downloaded = uploaded = (got){0};
    fake_cloud_init(&cloud);
    cloud.discovery.body = iscep_bytes_of_text(DISCOVERY);
    cloud.action.body = http_text_take_status(iscep_bytes_of(data, size), &cloud.action.status);
    int64_t deadline_ms = iscep_now_mono_ms(&cloud.env.env) + TIMEOUT_MS;
    iscep_intune_download_revocations(cloud.intune, MAX_ENTRIES, NULL, deadline_ms, on_downloaded,
                                      &downloaded);
    fake_cloud_run(&cloud, &downloaded.is_there);
    iscep_intune_upload_results(cloud.intune, &upload, deadline_ms, on_uploaded, &uploaded);
    fake_cloud_run(&cloud, &uploaded.is_there);
    FUZZ_CHECK(!downloaded.is_ok || !uploaded.is_ok); /* a list is no yes, and a yes no list */
    FUZZ_CHECK(cloud.action.status == 200 || (!downloaded.is_ok && !uploaded.is_ok));
    fake_cloud_clear(&cloud);
    FUZZ_CHECK(downloaded.is_there && uploaded.is_there);
    return 0;
}
