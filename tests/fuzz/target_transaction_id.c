/* base/transaction_id: accepted exactly if it is 1 to 255 bytes of printable ASCII, and then copied as it is. */
#include <string.h>

#include "base/transaction_id.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char id[ISCEP_TRANSACTION_ID_SIZE];
    bool is_right = size >= 1 && size <= 255;
    for (size_t i = 0; i < size; i++)
        is_right &= data[i] >= ' ' && data[i] <= '~';
    iscep_status status = iscep_transaction_id_parse(id, iscep_bytes_of(data, size), NULL);
    FUZZ_CHECK(status == (is_right ? ISCEP_OK : ISCEP_USAGE));
    FUZZ_CHECK(!is_right || (strlen(id) == size && memcmp(id, data, size) == 0));
    return 0;
}
