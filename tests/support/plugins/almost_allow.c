/*
 * A plugin whose answers a careless host takes for ALLOW. The setting socket says which, so that hosts that know no other
 * setting can be tried with it:
 *
 *     /close      a number next to ALLOW
 *     /true       what a boolean would be: -1
 *     /deliver    DELIVER, to a host that made no room for a certificate
 *     /decline    DECLINE
 *     /error      ALLOW in the answer of a call that failed
 *     /withheld   ALLOW to the request, and -1 to the report
 */
#include <string.h>

#include "scep_plugin.h"

struct scep_instance {
    const char *request;
    int32_t verdict, status, report;
};

static const struct scep_instance answers[] = {
    {"/close", SCEP_VERDICT_ALLOW - 1, SCEP_OK, SCEP_VERDICT_DENY},
    {"/true", -1, SCEP_OK, SCEP_VERDICT_DENY},
    {"/deliver", SCEP_VERDICT_DELIVER, SCEP_OK, SCEP_VERDICT_DENY},
    {"/decline", SCEP_VERDICT_DECLINE, SCEP_OK, SCEP_VERDICT_DENY},
    {"/error", SCEP_VERDICT_ALLOW, SCEP_ERR_USAGE, SCEP_VERDICT_DENY},
    {"/shortage", SCEP_VERDICT_ALLOW, SCEP_ERR_UNAVAILABLE, SCEP_VERDICT_DENY},
    {"/withheld", SCEP_VERDICT_ALLOW, SCEP_OK, -1},
};

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t config_count,
                             scep_instance **instance, scep_text *text)
{
    (void)host;
    (void)text;
    for (size_t i = 0; config_count == 1 && i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(config->value, answers[i].request) == 0) {
            *instance = (scep_instance *)&answers[i];
            return SCEP_OK;
        }
    }
    return SCEP_ERR_CONFIG;
}

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    (void)request;
    answer->verdict = instance->verdict;
    return instance->status;
}

static int32_t notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    (void)issued;
    answer->verdict = instance->report;
    return SCEP_OK;
}

static int32_t notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    (void)instance;
    (void)failed;
    answer->verdict = SCEP_VERDICT_ALLOW;
    return SCEP_OK;
}

static void close_instance(scep_instance *instance)
{
    (void)instance;
}

static int32_t health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    (void)instance;
    (void)timeout_ms;
    health->state = -1;
    return SCEP_OK;
}

__attribute__((visibility("default"))) int32_t scep_plugin_entry(uint32_t host_abi_major,
                                                                 uint32_t host_abi_minor,
                                                                 const scep_plugin **plugin);

int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    static const scep_plugin almost_allow = {.size = sizeof almost_allow,
                                             .abi_major = SCEP_PLUGIN_ABI_MAJOR,
                                             .abi_minor = SCEP_PLUGIN_ABI_MINOR,
                                             .name = "almost_allow",
                                             .version = "1",
                                             .open = open_instance,
                                             .verify_request = verify_request,
                                             .notify_issued = notify_issued,
                                             .notify_failed = notify_failed,
                                             .close = close_instance,
                                             .health = health};
    (void)host_abi_major;
    (void)host_abi_minor;
    *plugin = &almost_allow;
    return SCEP_OK;
}
