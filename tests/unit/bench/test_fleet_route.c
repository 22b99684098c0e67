/* Orders of chance, and shares of a mix. */
#include <criterion/criterion.h>
#include <string.h>

#include "fleet_route.h"

Test(fleet_route, has_every_order_about_as_often)
{
    static const uint32_t urls[] = {4, 7, 2};
    int seen[8][8] = {{0}};
    chance random = chance_of(1, 1);
    for (int i = 0; i < 6000; i++) {
        fleet_route route;
        fleet_route_begin(&route, urls, 3, &random);
        cr_assert_eq(route.order[0] + route.order[1] + route.order[2], 13);
        seen[route.order[0]][route.order[1]]++;
    }
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            if (i != j)
                cr_assert(seen[urls[i]][urls[j]] > 850 && seen[urls[i]][urls[j]] < 1150, "%d",
                          seen[urls[i]][urls[j]]);
}

Test(fleet_route, ends_behind_the_last_url)
{
    static const uint32_t urls[] = {0, 1};
    chance random = chance_of(1, 1);
    fleet_route route;
    fleet_route_begin(&route, urls, 2, &random);
    cr_assert(fleet_route_move_on(&route, fleet_rules_of(FLEET_WINDOWS), true));
    cr_assert_not(fleet_route_move_on(&route, fleet_rules_of(FLEET_WINDOWS), true));
    cr_assert_eq(fleet_route_url(&route), route.order[1]);
}

Test(fleet_mix, is_read_and_divided_without_a_rest)
{
    static const struct {
        const char *text;
        uint32_t devices;
        uint32_t want[FLEET_PLATFORMS];
    } cases[] = {
        {"android=40,windows=40,ios=15,macos=5", 2000, {800, 800, 300, 0, 100}},
        {"android=40,windows=40,ios=15,macos=5", 7, {3, 3, 1, 0, 0}},
        {"ios=50,ipados=50", 3, {0, 0, 2, 1, 0}},
        {"windows=100", 1, {0, 1, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fleet_mix mix;
        uint32_t shares[FLEET_PLATFORMS];
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(fleet_mix_parse(&mix, cases[i].text, &err), ISCEP_OK, "%s", err.message);
        fleet_mix_divide(shares, &mix, cases[i].devices);
        cr_assert_arr_eq(shares, cases[i].want, sizeof shares, "%s of %u", cases[i].text, cases[i].devices);
    }
}

Test(fleet_mix, is_refused_unless_it_is_a_hundred_percent_of_platforms)
{
    static const char *const texts[] = {"",
                                        "android",
                                        "android=",
                                        "android=100,",
                                        ",android=100",
                                        "android=99",
                                        "android=101",
                                        "android=50,android=50",
                                        "linux=100",
                                        "android=-1",
                                        "android=1e2",
                                        "android=4294967396",
                                        "Android=100",
                                        "android =100"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fleet_mix mix;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(fleet_mix_parse(&mix, texts[i], &err), ISCEP_USAGE, "%s", texts[i]);
        cr_assert(strstr(err.message, "--mix:"));
    }
}
