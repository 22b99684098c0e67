/* A time of the connector's documents is told as a distance. */
#include <criterion/criterion.h>

#include "ctl/when.h"

#define NOW INT64_C(1795000000000)

Test(when, a_distance_has_one_unit)
{
    static const struct {
        int64_t distance_ms;
        const char *text;
    } cases[] = {{0, "now"},
                 {499, "now"},
                 {-499, "now"},
                 {500, "in 1 s"},
                 {40000, "in 40 s"},
                 {-119000, "119 s ago"},
                 {120000, "in 2 min"},
                 {-7199000, "119 min ago"},
                 {7200000, "in 2 h"},
                 {-INT64_C(2) * 86400000, "2 days ago"},
                 {INT64_C(400) * 86400000, "in 400 days"}};
    char text[CTL_WHEN_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ctl_when_emit(text, NOW + cases[i].distance_ms, NOW);
        cr_assert_str_eq(text, cases[i].text);
    }
}
