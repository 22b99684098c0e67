/* Structs that begin with their size: what an older and a newer program hand over. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "intune/sized_options.h"

/* As the first version had it, as it is now, and as it will be. */
typedef struct first {
    size_t size;
    uint64_t one;
} first;
typedef struct now {
    size_t size;
    uint64_t one, two;
} now;
typedef struct later {
    size_t size;
    uint64_t one, two, three;
} later;

static now out;

static bool is_read(const void *given)
{
    memset(&out, 0xAA, sizeof out);
    return iscep_sized_options_read(&out, sizeof out, given, sizeof(first));
}

Test(sized_options, of_an_older_program_are_read_as_far_as_they_go)
{
    const struct {
        first options;
        uint64_t not_its_own;
    } given = {{.size = sizeof(first), .one = 1}, 99};
    cr_assert(is_read(&given));
    cr_assert_eq(out.one, 1);
    cr_assert_eq(out.two, 0, "what lies behind is not read");
}

Test(sized_options, of_today_are_read_whole)
{
    cr_assert(is_read(&(now){.size = sizeof(now), .one = 1, .two = 2}));
    cr_assert_eq(out.one, 1);
    cr_assert_eq(out.two, 2);
}

Test(sized_options, of_a_newer_program_must_ask_for_nothing_new)
{
    cr_assert(is_read(&(later){.size = sizeof(later), .one = 1, .two = 2}));
    cr_assert_eq(out.two, 2);
    cr_assert_not(is_read(&(later){.size = sizeof(later), .three = 3}));
}

Test(sized_options, smaller_than_the_first_version_are_refused)
{
    cr_assert_not(is_read(&(first){.size = sizeof(first) - 1}));
    cr_assert_not(is_read(&(first){.size = 0}));
    cr_assert_not(is_read(NULL));
}
