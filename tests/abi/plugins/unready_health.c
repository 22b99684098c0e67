/* Is down, and does not say why. */
#include "behaved.h"

static int32_t health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    const int32_t status = behaved_health(instance, timeout_ms, health);
    if (status == SCEP_OK) {
        health->state = SCEP_HEALTH_DOWN;
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED, .health = health};
