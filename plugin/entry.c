/* The one exported symbol, the negotiation behind it, and the ABI's side of each call. */
#include "answer.h"
#include "backend.h"
#include "text.h"

__attribute__((visibility("default"))) int32_t scep_plugin_entry(uint32_t host_abi_major,
                                                                 uint32_t host_abi_minor,
                                                                 const scep_plugin **plugin);

static bool is_config_readable(const scep_config_entry *config, size_t config_count)
{
    if (config == NULL) {
        return config_count == 0;
    }
    for (size_t i = 0; i < config_count; i++) {
        if (config[i].key == NULL || config[i].value == NULL) {
            return false;
        }
    }
    return true;
}

static int32_t plugin_open(const scep_host *host, const scep_config_entry *config, size_t config_count,
                           scep_instance **instance, scep_text *text)
{
    iscep_plugin_text_fill(text, "%s", "");
    if (instance == NULL) {
        iscep_plugin_text_fill(text, "open: instance is NULL");
        return SCEP_ERR_USAGE;
    }
    *instance = NULL;
    if (host == NULL || host->size < sizeof host->size || !is_config_readable(config, config_count)) {
        iscep_plugin_text_fill(text, "open: host, or a key or value of the configuration, is NULL");
        return SCEP_ERR_USAGE;
    }
    return iscep_backend_open(host, config, config_count, instance, text);
}

/* parsed: what reading the host's struct into question gave. */
static int32_t answer_question(scep_instance *instance, int32_t parsed, iscep_question *question,
                               scep_answer *answer)
{
    if (!iscep_answer_begin(answer) || instance == NULL || parsed != SCEP_OK) {
        return SCEP_ERR_USAGE;
    }
    scep_answer ours = {.size = sizeof ours, .verdict = SCEP_VERDICT_DENY};
    question->has_room = iscep_answer_has_room(answer);
    if (question->has_room) {
        ours.cert_der = answer->cert_der;
        ours.cert_capacity = answer->cert_capacity;
    }
    if (iscep_question_check(question, &ours)) {
        iscep_backend_ask(instance, question, &ours);
    }
    iscep_answer_put(answer, &ours);
    return SCEP_OK;
}

static int32_t plugin_verify_request(scep_instance *instance, const scep_request *request,
                                     scep_answer *answer)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_request(&question, request);
    return answer_question(instance, parsed, &question, answer);
}

static int32_t plugin_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_issued(&question, issued);
    return answer_question(instance, parsed, &question, answer);
}

static int32_t plugin_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_failed(&question, failed);
    return answer_question(instance, parsed, &question, answer);
}

static void plugin_close(scep_instance *instance)
{
    if (instance != NULL) {
        iscep_backend_close(instance);
    }
}

static const scep_plugin the_plugin = {
    .size = sizeof the_plugin,
    .abi_major = SCEP_PLUGIN_ABI_MAJOR,
    .abi_minor = SCEP_PLUGIN_ABI_MINOR,
    .name = iscep_backend_name,
    .version = ISCEP_VERSION,
    .open = plugin_open,
    .verify_request = plugin_verify_request,
    .notify_issued = plugin_notify_issued,
    .notify_failed = plugin_notify_failed,
    .close = plugin_close,
};

/* Any minor of our major will do: structs carry their sizes. */
int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    (void)host_abi_minor;
    if (plugin == NULL) {
        return SCEP_ERR_USAGE;
    }
    *plugin = NULL;
    if (host_abi_major != SCEP_PLUGIN_ABI_MAJOR) {
        return SCEP_ERR_VERSION;
    }
    *plugin = &the_plugin;
    return SCEP_OK;
}
