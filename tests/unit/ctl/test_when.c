/* A time of the connector's documents is told as a distance, and only a whole one is one. */
#include <criterion/criterion.h>

#include "ctl/when.h"

#define NOW INT64_C(1795000000000)

Test(when, a_time_is_read_to_the_millisecond)
{
    int64_t unix_ms;
    cr_assert(ctl_when_parse("2026-11-18T11:06:40.123Z", &unix_ms));
    cr_assert_eq(unix_ms, NOW + 123);
}

Test(when, what_is_no_whole_time_is_none)
{
    static const char *const texts[] = {"",
                                        "-",
                                        "2026-11-18",
                                        "2026-11-18T11:06:40Z",
                                        "2026-11-18T11:06:40.123",
                                        "2026-11-18T11:06:40.123z",
                                        "2026-11-18 11:06:40.123Z",
                                        "2026-11-18T11:06:40.123ZZ",
                                        "xxxx-11-18T11:06:40.123Z"};
    int64_t unix_ms;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_not(ctl_when_parse(texts[i], &unix_ms), "%s", texts[i]);
    cr_assert_not(ctl_when_parse(NULL, &unix_ms));
}

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
