/* One line in a while, and none forgotten. */
#include <criterion/criterion.h>

#include "base/log_gate.h"

Test(log_gate, passes_one_a_second_and_counts_the_rest)
{
    iscep_log_gate gate = {0};
    int64_t unlogged = -1;
    cr_assert(iscep_log_gate_pass(&gate, 5000, &unlogged));
    cr_assert_eq(unlogged, 0);
    for (int64_t now_ms = 5000; now_ms < 6000; now_ms += 100)
        cr_assert_not(iscep_log_gate_pass(&gate, now_ms, &unlogged), "%lld", (long long)now_ms);
    cr_assert(iscep_log_gate_pass(&gate, 6000, &unlogged));
    cr_assert_eq(unlogged, 10);
    cr_assert_not(iscep_log_gate_pass(&gate, 6999, &unlogged));
    cr_assert(iscep_log_gate_pass(&gate, 60000, &unlogged));
    cr_assert_eq(unlogged, 1);
}
