/* The one exported symbol, the negotiation behind it, and the ABI's side of each call. */
#include <string.h>

#include "plugin/abi/answer.h"
#include "plugin/abi/backend.h"
#include "plugin/abi/call.h"
#include "plugin/abi/text.h"

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
    if (host == NULL || host->size < SCEP_HOST_SIZE_1_0 || !is_config_readable(config, config_count)) {
        iscep_plugin_text_fill(
            text, "open: host is NULL or too small, or a key or value of the configuration is NULL");
        return SCEP_ERR_USAGE;
    }
    return iscep_backend_open(host, config, config_count, instance, text);
}

/* parsed: what reading the host's struct into question gave. */
static bool is_answerable(const scep_instance *instance, int32_t parsed, scep_answer *answer)
{
    return iscep_answer_begin(answer) && instance != NULL && parsed == SCEP_OK;
}

static int32_t answer_question(scep_instance *instance, int32_t parsed, iscep_question *question,
                               scep_answer *answer)
{
    if (!is_answerable(instance, parsed, answer)) {
        return SCEP_ERR_USAGE;
    }
    scep_answer ours;
    iscep_answer_prepare(&ours, question, answer);
    if (iscep_question_check(question, &ours)) {
        iscep_backend_ask(instance, question, &ours);
    }
    iscep_answer_put(answer, &ours);
    return SCEP_OK;
}

static int32_t begin_question(scep_instance *instance, int32_t parsed, iscep_question *question,
                              scep_answer *answer, scep_call **call)
{
    const bool may_begin = is_answerable(instance, parsed, answer);
    if (call == NULL) {
        return SCEP_ERR_USAGE;
    }
    *call = NULL;
    return may_begin ? iscep_call_begin(call, instance, question, answer) : SCEP_ERR_USAGE;
}

static int32_t plugin_verify_request(scep_instance *instance, const scep_request *request,
                                     scep_answer *answer)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_request(&question, request);
    return answer_question(instance, parsed, &question, answer);
}

static int32_t plugin_begin_verify_request(scep_instance *instance, const scep_request *request,
                                           scep_answer *answer, scep_call **call)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_request(&question, request);
    return begin_question(instance, parsed, &question, answer, call);
}

static int32_t plugin_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_issued(&question, issued);
    return answer_question(instance, parsed, &question, answer);
}

static int32_t plugin_begin_notify_issued(scep_instance *instance, const scep_issued *issued,
                                          scep_answer *answer, scep_call **call)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_issued(&question, issued);
    return begin_question(instance, parsed, &question, answer, call);
}

static int32_t plugin_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_failed(&question, failed);
    return answer_question(instance, parsed, &question, answer);
}

static int32_t plugin_begin_notify_failed(scep_instance *instance, const scep_failed *failed,
                                          scep_answer *answer, scep_call **call)
{
    iscep_question question;
    const int32_t parsed = iscep_question_from_failed(&question, failed);
    return begin_question(instance, parsed, &question, answer, call);
}

static int32_t plugin_descriptor(scep_call *call)
{
    return call != NULL ? iscep_call_descriptor(call) : -1;
}

static int32_t plugin_finish(scep_call *call)
{
    return call != NULL ? iscep_call_finish(call) : SCEP_ERR_USAGE;
}

/* DOWN is written wherever there is room for it, as DENY is. */
static bool begin_health(scep_health *health)
{
    if (health == NULL || health->size < SCEP_SIZE_THROUGH(scep_health, state)) {
        return false;
    }
    health->state = SCEP_HEALTH_DOWN;
    return health->size >= SCEP_HEALTH_SIZE_1_0;
}

static int32_t plugin_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    if (!begin_health(health)) {
        return SCEP_ERR_USAGE;
    }
    scep_health ours = {.size = sizeof ours, .state = SCEP_HEALTH_DOWN};
    if (instance != NULL) {
        iscep_backend_health(instance, timeout_ms, &ours);
    }
    health->state = ours.state;
    health->reserved = 0;
    memcpy(health->code, ours.code, sizeof health->code);
    memcpy(health->message, ours.message, sizeof health->message);
    return instance != NULL ? SCEP_OK : SCEP_ERR_USAGE;
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
    .health = plugin_health,
    .begin_verify_request = plugin_begin_verify_request,
    .begin_notify_issued = plugin_begin_notify_issued,
    .begin_notify_failed = plugin_begin_notify_failed,
    .descriptor = plugin_descriptor,
    .finish = plugin_finish,
    .cancel = iscep_call_cancel,
};

/* What a host of another major version is shown: no function, should it overlook that it was refused. */
static const scep_plugin the_refusal = {
    .size = offsetof(scep_plugin, open),
    .abi_major = SCEP_PLUGIN_ABI_MAJOR,
    .abi_minor = SCEP_PLUGIN_ABI_MINOR,
    .name = iscep_backend_name,
    .version = ISCEP_VERSION,
};

/* Any minor of our major will do: structs carry their sizes. */
int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    (void)host_abi_minor;
    if (plugin == NULL) {
        return SCEP_ERR_USAGE;
    }
    const bool is_ours = host_abi_major == SCEP_PLUGIN_ABI_MAJOR;
    *plugin = is_ours ? &the_plugin : &the_refusal;
    return is_ours ? SCEP_OK : SCEP_ERR_VERSION;
}
