/* See transaction_id.h. */
#include "base/transaction_id.h"

#include <string.h>

iscep_status iscep_transaction_id_parse(char out[ISCEP_TRANSACTION_ID_SIZE], iscep_bytes text,
                                        iscep_error *err)
{
    bool is_printable = text.len > 0 && text.len <= ISCEP_TRANSACTION_ID_MAX_LEN;
    for (size_t i = 0; is_printable && i < text.len; i++)
        is_printable = text.data[i] >= 0x20 && text.data[i] <= 0x7E;
    if (!is_printable)
        return iscep_error_set(err, ISCEP_USAGE, "transaction_id",
                               "the transaction id must be 1 to %d printable ASCII characters",
                               ISCEP_TRANSACTION_ID_MAX_LEN);
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return ISCEP_OK;
}
