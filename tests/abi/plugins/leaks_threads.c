/* Leaves a thread running for each instance. */
#include "behaved.h"

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t count,
                             scep_instance **instance, scep_text *text)
{
    const int32_t status = behaved_open(host, config, count, instance, text);
    if (status == SCEP_OK) {
        behaved_start_idle_thread(true);
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .open = open_instance};
