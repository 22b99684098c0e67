/* The backend of both modules: an instance, and its questions in both forms. Both are driven by asking.h, and differ in how they wait. */
#include "plugin/abi/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/abi/host_log.h"
#include "plugin/abi/text.h"
#include "plugin/socket/asking.h"
#include "plugin/socket/connector.h"
#include "plugin/socket/readiness.h"
#include "plugin/socket/revocations.h"
#include "plugin/socket/socket_config.h"
#include "plugin/socket/wait_set.h"

struct scep_instance {
    iscep_socket_config config;
    iscep_host_log log;
    iscep_connector *connector; /* NULL: it is no part of this process */
    iscep_asker asker;
    const scep_host *host;
    iscep_revocations *revocations; /* NULL: not asked for */
};

static bool start_revocations(scep_instance *instance)
{
    const iscep_revocations_options options = {.path = instance->config.path,
                                               .tenant = instance->config.tenant,
                                               .ca = instance->config.ca,
                                               .host = instance->host,
                                               .log = &instance->log};
    instance->revocations = iscep_revocations_start(&options);
    return instance->revocations != NULL;
}

int32_t iscep_backend_open(const scep_host *host, const scep_config_entry *config, size_t config_count,
                           scep_instance **instance, scep_text *text)
{
    scep_instance *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        iscep_plugin_text_fill(text, "out of memory");
        return SCEP_ERR_NOMEM;
    }
    opened->log = iscep_host_log_of(host);
    opened->host = host;
    opened->asker = (iscep_asker){
        .config = &opened->config, .log = &opened->log, .client = {.path = opened->config.path}};
    int32_t status =
        iscep_socket_config_read(&opened->config, iscep_revocations_can(host), config, config_count, text);
    if (status == SCEP_OK) {
        status = iscep_connector_attach(&opened->connector, &opened->config, &opened->log, text);
    }
    if (status == SCEP_OK && opened->config.has_revocations && !start_revocations(opened)) {
        iscep_plugin_text_fill(text, "revocations: no thread can be started");
        status = SCEP_ERR_UNAVAILABLE;
    }
    if (status != SCEP_OK) {
        iscep_backend_close(opened);
        return status;
    }
    *instance = opened;
    return SCEP_OK;
}

void iscep_backend_close(scep_instance *instance)
{
    iscep_revocations_stop(instance->revocations);
    iscep_local_client_clear(&instance->asker.client);
    iscep_connector_detach(instance->connector);
    free(instance);
}

void iscep_backend_ask(scep_instance *instance, iscep_question *question, scep_answer *answer)
{
    iscep_asking asking;
    iscep_wait wait;
    bool is_over = iscep_asking_start(&asking, &instance->asker, question, answer, &wait);
    while (!is_over) {
        iscep_wait_block(&wait);
        is_over = iscep_asking_go_on(&asking, &wait);
    }
    iscep_asking_stop(&asking);
}

void iscep_backend_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    iscep_readiness_ask(&instance->asker, timeout_ms, health);
}

/* --- the form that does not wait --- */

struct iscep_backend_call {
    iscep_wait_set set;
    bool is_over;
    iscep_question question; /* its bytes are in copies */
    iscep_asking asking;
    uint8_t copies[];
};

static scep_bytes copy_bytes(uint8_t **at, scep_bytes bytes)
{
    if (bytes.len == 0) {
        return bytes;
    }
    uint8_t *copy = memcpy(*at, bytes.data, bytes.len);
    *at += bytes.len;
    return (scep_bytes){.data = copy, .len = bytes.len};
}

static iscep_backend_call *new_call(const iscep_question *question)
{
    const size_t copies_len =
        question->transaction_id.len + question->csr_der.len + question->cert_der.len + question->reason.len;
    iscep_backend_call *call = malloc(sizeof *call + copies_len);
    if (call == NULL) {
        return NULL;
    }
    uint8_t *at = call->copies;
    call->question = *question;
    call->question.transaction_id = copy_bytes(&at, question->transaction_id);
    call->question.csr_der = copy_bytes(&at, question->csr_der);
    call->question.cert_der = copy_bytes(&at, question->cert_der);
    call->question.reason = copy_bytes(&at, question->reason);
    return call;
}

/* The descriptor tells when to go on, or that it is over. */
static void watch(iscep_backend_call *call, const iscep_wait *wait)
{
    const int failure = call->is_over ? 0 : iscep_wait_set_watch(&call->set, wait);
    if (failure != 0) {
        iscep_asking_give_up(&call->asking, failure);
        call->is_over = true;
    }
    if (call->is_over) {
        iscep_wait_set_ring(&call->set);
    }
}

int32_t iscep_backend_begin(iscep_backend_call **out, scep_instance *instance, const iscep_question *question,
                            scep_answer *answer)
{
    iscep_backend_call *call = new_call(question);
    if (call == NULL) {
        return SCEP_ERR_NOMEM;
    }
    const int failure = iscep_wait_set_open(&call->set);
    if (failure != 0) {
        free(call);
        return failure == ENOMEM ? SCEP_ERR_NOMEM : SCEP_ERR_UNAVAILABLE;
    }
    iscep_wait wait;
    call->is_over = iscep_asking_start(&call->asking, &instance->asker, &call->question, answer, &wait);
    watch(call, &wait);
    *out = call;
    return SCEP_OK;
}

int iscep_backend_descriptor(const iscep_backend_call *call)
{
    return call->set.epoll;
}

/* The connection leaves the set first: going on may close it, or give it to another call. */
bool iscep_backend_finish(iscep_backend_call *call)
{
    if (!call->is_over) {
        iscep_wait wait;
        iscep_wait_set_unwatch(&call->set);
        call->is_over = iscep_asking_go_on(&call->asking, &wait);
        if (!call->is_over) {
            watch(call, &wait);
        }
    }
    if (!call->is_over) {
        return false;
    }
    iscep_backend_cancel(call);
    return true;
}

void iscep_backend_cancel(iscep_backend_call *call)
{
    iscep_wait_set_close(&call->set);
    iscep_asking_stop(&call->asking);
    free(call);
}
