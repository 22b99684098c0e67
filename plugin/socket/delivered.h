/* The certificate of a `deliver` reply, from base64 into the host's room. */
#ifndef ISCEP_PLUGIN_DELIVERED_H
#define ISCEP_PLUGIN_DELIVERED_H

#include "scep_plugin.h"

typedef enum iscep_delivered {
    ISCEP_DELIVERED_OK,
    ISCEP_DELIVERED_UNUSABLE, /* not base64, or not one DER element */
    ISCEP_DELIVERED_NO_ROOM   /* *len says how much there should be */
} iscep_delivered;

/* Strict: whole groups, right padding, no stray bits, and one DER SEQUENCE with nothing behind it. Unless OK, room holds
 * nothing of it. */
iscep_delivered iscep_delivered_read(scep_bytes base64, uint8_t *room, size_t capacity, size_t *len);

#endif
