/* See fake_ca.h. */
#include "tests/unit/service/fake_ca.h"

#include <criterion/criterion.h>
#include <string.h>

void fake_ca_init(iscep_ca *ca, const char *name, const char *issuer, const char *configuration)
{
    memset(ca, 0, sizeof *ca);
    ca->options = (iscep_ca_options){.name = name,
                                     .kind = ISCEP_CA_COMMAND,
                                     .issuer = issuer,
                                     .ca_configuration = configuration,
                                     .timeout_ms = 10000,
                                     .max_in_flight = 4};
    ca->outcome = ISCEP_CA_REVOKED;
    ca->retry_after_ms = -1;
}

const iscep_ca_options *iscep_ca_options_of(const iscep_ca *ca)
{
    return &ca->options;
}

bool iscep_ca_is_attended(const iscep_ca *ca)
{
    return !ca->is_deserted;
}

static void answer(iscep_ca *ca, fake_ca_request *request, iscep_ca_outcome outcome, const char *message)
{
    cr_assert(request->is_open);
    request->is_open = false;
    ca->open_count--;
    request->done(request->user, &(iscep_ca_result){.outcome = outcome,
                                                    .retry_after_ms = ca->retry_after_ms,
                                                    .message = message != NULL ? message : ""});
}

void iscep_ca_revoke(iscep_ca *ca, const iscep_ca_request *request, iscep_ca_done done, void *user)
{
    cr_assert_lt(ca->count, FAKE_CA_MAX_REQUESTS);
    fake_ca_request *kept = &ca->requests[ca->count++];
    iscep_text_copy(kept->serial, sizeof kept->serial, request->serial);
    iscep_text_copy(kept->issuer, sizeof kept->issuer, request->issuer);
    kept->cert_len = request->cert.len;
    kept->reason = request->reason;
    kept->is_open = true;
    kept->done = done;
    kept->user = user;
    ca->open_count++;
    if (ca->open_count > ca->most_open)
        ca->most_open = ca->open_count;
    if (ca->on_request != NULL)
        ca->on_request();
    if (ca->outcome != 0)
        answer(ca, kept, ca->outcome, ca->message);
}

void fake_ca_answer(iscep_ca *ca, size_t at, iscep_ca_outcome outcome, const char *message)
{
    cr_assert_lt(at, ca->count);
    answer(ca, &ca->requests[at], outcome, message);
}

size_t fake_ca_count_of(const iscep_ca *ca, const char *serial)
{
    size_t found = 0;
    for (size_t i = 0; i < ca->count; i++)
        found += strcmp(ca->requests[i].serial, serial) == 0;
    return found;
}
